#!/usr/bin/env python3
"""Packs the image for containers: an OCI layout in a tar, which podman, docker and skopeo load. Called by the rule
:image.

Owns the list of what is in the image: two programs, what they are linked to, certificates, a configuration, a user, and
the copyright of each. No shell, no package manager. Reproducible like the packages, whose ways it takes: no time, user
or order of the file system gets into what it writes.
"""

import argparse
import gzip
import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).absolute().parent.parent))

from changelog import read_changelog  # noqa: E402
from make_packages import MAINTAINER, copyright_with_linked_in, stripped  # noqa: E402

TITLE = "preforkd"
UID = 65532  # "nonroot" in other minimal images; any other works too
PROGRAMS = {"preforkd": "usr/sbin/preforkd", "preforkctl": "usr/bin/preforkctl"}
CONFIG = "etc/preforkd/preforkd.toml"
CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"  # where OpenSSL and GnuTLS look

# Debian's own, not /etc/ssl/certs, which has those that the owner of this machine trusts besides.
CERTIFICATE_SOURCES = Path("/usr/share/ca-certificates/mozilla")

# Any user may make files in the last two: a control socket; what a module needs.
FOLDERS = {**dict.fromkeys(("dev", "etc", "proc", "sys", "srv/www", "usr/lib/preforkd", "etc/preforkd/tls"), 0o755),
           "run/preforkd": 0o1777, "tmp": 0o1777}
LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}
ACCOUNTS = {
    "etc/passwd": f"root:x:0:0:root:/:/usr/sbin/nologin\npreforkd:x:{UID}:{UID}:preforkd:/:/usr/sbin/nologin\n",
    "etc/group": f"root:x:0:\npreforkd:x:{UID}:\n",
}


def command(*words):
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True).stdout


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def linked_libraries(programs):
    """Path in the image: path here. The loader is one of them."""
    libraries = {}
    for program in programs:
        said = command("ldd", program)
        if "not found" in said:
            raise SystemExit(f"make_image: {program}: {said}")
        for path in re.findall(r"(/\S+) \(0x", said):
            # /lib is /usr/lib on Debian 12, here and in the image.
            name = path.lstrip("/")
            libraries[name if name.startswith("usr/") else "usr/" + name] = Path(path)
    return libraries


def packages_of(paths):
    """The Debian packages that the files belong to."""
    packages = set()
    for path in paths:
        # dpkg knows some by the name in /lib, others by that in /usr/lib, and each by that of the file, not of a link.
        target = path.resolve()
        names = {str(target), str(target).removeprefix("/usr")}
        said = subprocess.run(["dpkg-query", "--search", *sorted(names)], capture_output=True, text=True).stdout
        owners = re.findall(r"^([^:, ]+)(?::\S+)?: ", said, re.MULTILINE)
        if not owners:
            raise SystemExit(f"make_image: no package has {target}")
        packages.add(owners[0])
    return packages


def copyright_of(packages):
    return {f"usr/share/doc/{package}/copyright": Path("/usr/share/doc", package, "copyright").read_bytes()
            for package in packages}


def certificates():
    sources = sorted(CERTIFICATE_SOURCES.glob("*.crt"))
    if not sources:
        raise SystemExit(f"make_image: no certificates in {CERTIFICATE_SOURCES}: install ca-certificates")
    return b"".join(path.read_bytes().rstrip(b"\n") + b"\n" for path in sources)


class Layer:
    """Files with their folders, as a compressed tar. `time`: that of all of them."""

    def __init__(self, time):
        self.time = time
        self.entries = {}

    def add(self, name, content=b"", mode=0o644, kind=tarfile.REGTYPE, link=""):
        for folder in reversed(Path(name).parents):
            if str(folder) not in (".", *self.entries):
                self.entries[str(folder)] = self.entry(str(folder), tarfile.DIRTYPE, 0o755), b""
        entry = self.entry(name, kind, mode)
        entry.size, entry.linkname = len(content), link
        self.entries[name] = entry, content

    def entry(self, name, kind, mode):
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode, entry.mtime = kind, mode, self.time
        return entry

    def pack(self):
        """The tar, and the same compressed: by level 6, because 9 takes six times as long for 1 % less."""
        plain = io.BytesIO()
        with tarfile.open(mode="w", fileobj=plain, format=tarfile.GNU_FORMAT) as archive:
            for _, (entry, content) in sorted(self.entries.items()):
                archive.addfile(entry, io.BytesIO(content))
        return plain.getvalue(), gzip.compress(plain.getvalue(), 6, mtime=0)


class Image:
    def __init__(self, options):
        self.options = options
        self.time = read_changelog(Path(options.changelog).read_text())[0].time
        self.reference = f"{TITLE}:{options.version}"
        self.blobs = {}

    def base_layer(self, libraries):
        """What changes with Debian, so seldom."""
        layer = Layer(self.time)
        for name, mode in FOLDERS.items():
            layer.add(name, mode=mode, kind=tarfile.DIRTYPE)
        for name, link in LINKS.items():
            layer.add(name, mode=0o777, kind=tarfile.SYMTYPE, link=link)
        for name, text in ACCOUNTS.items():
            layer.add(name, text.encode())
        for name, path in libraries.items():
            layer.add(name, path.read_bytes(), 0o755 if "ld-linux" in name else 0o644)
        layer.add(CERTIFICATES, certificates())
        packages = {"ca-certificates"} | packages_of(libraries.values())
        for name, content in copyright_of(packages).items():
            layer.add(name, content)
        return layer

    def program_layer(self, programs):
        layer = Layer(self.time)
        for name, content in programs.items():
            layer.add(PROGRAMS[name], content, 0o755)
        layer.add(CONFIG, Path(self.options.config).read_bytes())
        head = Path(self.options.copyright).read_text()
        layer.add("usr/share/doc/preforkd/copyright", copyright_with_linked_in(head).encode())
        return layer

    def blob(self, media_type, content):
        blob = {"mediaType": media_type, "digest": digest(content), "size": len(content)}
        self.blobs[self.path(blob)] = content
        return blob

    def labels(self):
        labels = {"title": TITLE, "version": self.options.version, "authors": MAINTAINER,
                  "description": "A prefork server whose connections outlive its processes",
                  "revision": self.options.revision}
        return {f"org.opencontainers.image.{name}": value for name, value in labels.items() if value}

    def config(self, layers):
        created = datetime.fromtimestamp(self.time, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "architecture": "amd64", "os": "linux", "created": created, "author": MAINTAINER,
            "config": {
                # The flags that a user gives follow, and do not replace the configuration.
                "Entrypoint": ["/" + PROGRAMS["preforkd"], "-c", "/" + CONFIG],
                "Env": ["PATH=/usr/sbin:/usr/bin"],
                "ExposedPorts": {"8080/tcp": {}, "9100/tcp": {}},
                "Labels": self.labels(), "StopSignal": "SIGTERM", "User": f"{UID}:{UID}", "WorkingDir": "/",
            },
            "rootfs": {"type": "layers", "diff_ids": [digest(plain) for plain, _ in layers]},
            "history": [{"created": created, "created_by": f"bazel build //:image ({part})"}
                        for part in ("libraries, certificates", "programs, configuration")],
        }

    def build(self):
        with tempfile.TemporaryDirectory() as folder:
            sources = [Path(self.options.preforkd), Path(self.options.preforkctl)]
            programs = {path.name: stripped(path, Path(folder)).read_bytes() for path in sources}
            layers = [self.base_layer(linked_libraries(sources)).pack(), self.program_layer(programs).pack()]
        oci = "application/vnd.oci.image."
        config = self.blob(oci + "config.v1+json", canonical(self.config(layers)))
        packed = [self.blob(oci + "layer.v1.tar+gzip", content) for _, content in layers]
        manifest = self.blob(oci + "manifest.v1+json", canonical({
            "schemaVersion": 2, "mediaType": oci + "manifest.v1+json", "config": config, "layers": packed,
            "annotations": self.labels()}))
        manifest["annotations"] = {"org.opencontainers.image.ref.name": self.reference}
        self.write({
            "oci-layout": canonical({"imageLayoutVersion": "1.0.0"}),
            "index.json": canonical({"schemaVersion": 2, "mediaType": oci + "index.v1+json", "manifests": [manifest]}),
            # docker before version 25 reads this, not the index.
            "manifest.json": canonical([{"Config": self.path(config), "RepoTags": [self.reference],
                                         "Layers": [self.path(layer) for layer in packed]}]),
            **self.blobs,
        })

    @staticmethod
    def path(blob):
        return "blobs/" + blob["digest"].replace(":", "/")

    def write(self, files):
        layout = Layer(self.time)
        for name, content in files.items():
            layout.add(name, content)
        Path(self.options.out).write_bytes(layout.pack()[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("version", "preforkd", "preforkctl", "config", "copyright", "changelog", "out"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--revision", default="", help="the commit; empty: no label")
    Image(parser.parse_args()).build()


if __name__ == "__main__":
    sys.exit(main())
