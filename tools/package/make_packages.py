#!/usr/bin/env python3
"""Packs a release: a Debian package, its debug symbols, and a tarball for /usr/local. Called by the rule :packages,
which names every file; see there.

Reproducible: no time, user, umask or order of the file system gets into what it writes.
"""

import argparse
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from changelog import debian_changelog, read_changelog

MAINTAINER = "preforkd maintainers <maintainers@preforkd.invalid>"
# Packages whose code is linked into the programs; each has its copyright in /usr/share/doc.
LINKED_IN = ["libevent-dev", "libfmt-dev", "libseccomp-dev", "libtomlplusplus-dev", "libcli11-dev", "nlohmann-json3-dev"]

# The folder of the tree that is installed as include/preforkd: the interface of modules, and nothing else.
HEADERS_FOLDER = "worker/api/"

# That of the manifests for Kubernetes.
MANIFESTS_FOLDER = "tools/package/kubernetes/"

# For certificates and their keys: nobody but root, and the master by its capability, gets in.
KEYS_FOLDER = "etc/preforkd/tls"

# The first page of the tree, and those of tools/package, common, master and worker.
PAGES = ["README.md", "operating.md", "reference.md", "how-it-works.md", "modules.md"]


class Layout:
    """Where the parts of a release are, under one prefix."""

    def __init__(self, sysconf, prefix, unit_dir, user):
        self.sysconf, self.prefix, self.unit_dir, self.user = sysconf, prefix, unit_dir, user

    def fill_in(self, unit):
        for name, value in (("sbindir", f"{self.prefix}/sbin"), ("bindir", f"{self.prefix}/bin"),
                            ("sysconfdir", self.sysconf), ("user", self.user)):
            unit = unit.replace(f"@{name}@", value)
        return unit


DEBIAN = Layout("/etc/preforkd", "/usr", "/lib/systemd/system", "User=preforkd\nGroup=preforkd")
# Nothing creates a user there.
LOCAL = Layout("/usr/local/etc", "/usr/local", "/usr/local/lib/systemd/system", "DynamicUser=yes")


def write(path, content, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)


def compressed(content):
    return gzip.compress(content.encode(), 9, mtime=0)


def stripped(program, folder):
    """A copy of the program without its symbols."""
    copy = folder / program.name
    subprocess.run(["strip", "--strip-unneeded", "--remove-section=.comment", "-o", copy, program], check=True)
    return copy


def separate_symbols(program, folder):
    """A stripped copy of the program, its symbols, and its build id."""
    copy, symbols = stripped(program, folder), folder / (program.name + ".debug")
    subprocess.run(["objcopy", "--only-keep-debug", "--compress-debug-sections", program, symbols], check=True)
    notes = subprocess.run(["readelf", "-nW", copy], check=True, capture_output=True, text=True).stdout
    return copy.read_bytes(), symbols.read_bytes(), re.search(r"Build ID: ([0-9a-f]+)", notes)[1]


def copyright_with_linked_in(head):
    """The statement of preforkd, then those of the packages that are linked into it."""
    parts = [head]
    for package in LINKED_IN:
        statement = Path("/usr/share/doc", package, "copyright").read_text()
        parts.append(f"{'-' * 72}\n{package}\n{'-' * 72}\n\n{statement}")
    return "\n".join(parts)


class Release:
    def __init__(self, options):
        self.options = options
        self.version = options.version
        self.files = {name: Path(path) for name, path in (entry.split("=", 1) for entry in options.file)}
        self.headers = {path.partition(HEADERS_FOLDER)[2]: Path(path) for path in options.headers}
        self.manifests = {path.partition(MANIFESTS_FOLDER)[2]: Path(path) for path in options.manifests}
        self.templates = {Path(path).name: Path(path) for path in options.templates}
        self.changelog = read_changelog(self.files["CHANGELOG"].read_text())
        self.symbols_wanted = options.dbgsym is not None

    def text(self, name):
        return (self.files[name].read_text().replace("@VERSION@", self.version)
                .replace("@MAINTAINER@", MAINTAINER))

    def check_version(self):
        if f'kVersion = "{self.version}"' not in self.text("version.cc"):
            raise SystemExit(f"version.bzl has {self.version}, {self.files['version.cc']} another version")
        newest = self.changelog[0].version
        if self.symbols_wanted and newest != self.version:
            raise SystemExit(f"version.bzl has {self.version}, the first entry of CHANGELOG is of {newest}")

    def install(self, root, layout, programs):
        """The files of both packages; `root` is the folder for /."""
        prefix = root / layout.prefix.lstrip("/")
        write(prefix / "sbin/preforkd", programs["preforkd"], 0o755)
        # Users who try a module have no sbin in their PATH.
        (prefix / "bin").mkdir(parents=True, exist_ok=True)
        (prefix / "bin/preforkd").symlink_to("../sbin/preforkd")
        write(prefix / "bin/preforkctl", programs["preforkctl"], 0o755)
        write(prefix / "bin/preforkd-new-service", self.text("preforkd-new-service"), 0o755)
        write(root / layout.sysconf.lstrip("/") / "preforkd.toml", self.text("preforkd.toml"))
        units = root / layout.unit_dir.lstrip("/")
        write(units / "preforkd.service", layout.fill_in(self.text("preforkd.service")))
        write(units / "preforkd.socket", self.text("preforkd.socket"))
        for page in ("preforkd.8", "preforkctl.1", "preforkd-new-service.1", "preforkd.toml.5"):
            write(prefix / f"share/man/man{page[-1]}" / (page + ".gz"), compressed(self.text(page)))
        for program in ("preforkd", "preforkctl"):
            write(prefix / "share/bash-completion/completions" / program, self.text(program + ".bash-completion"))
        # Copied unchanged: "@VERSION@" and the like would belong to the programs that read them.
        for name in ("preforkd-alerts.yml", "preforkd-grafana.json", "haproxy.cfg", "haproxy-tls.cfg"):
            write(prefix / "share/preforkd" / name, self.files[name].read_bytes())
        write(prefix / "share/preforkd/certbot-hook", self.files["certbot-hook"].read_bytes(), 0o755)
        for name, path in self.manifests.items():
            write(prefix / "share/preforkd/kubernetes" / name, path.read_bytes())
        for name, path in self.templates.items():
            write(prefix / "share/preforkd/service_template" / name, path.read_bytes())
        for name, path in self.headers.items():
            write(prefix / "include/preforkd" / name, path.read_bytes())
        (prefix / "lib/preforkd").mkdir(parents=True, exist_ok=True)  # modules

    def copyright(self):
        return copyright_with_linked_in(self.text("copyright.head"))

    def debian_root(self, root, programs):
        self.install(root, DEBIAN, programs)
        doc = root / "usr/share/doc/preforkd"
        write(doc / "copyright", self.copyright())
        write(doc / "changelog.gz", compressed(debian_changelog(self.changelog, MAINTAINER)))
        for page in PAGES:
            write(doc / (page + ".gz"), compressed(self.text(page)))
        (root / KEYS_FOLDER).mkdir()
        conffiles = ["/etc/preforkd/preforkd.toml"]
        if "logrotate" in self.files:
            write(root / "etc/logrotate.d/preforkd", self.text("logrotate"))
            conffiles.append("/etc/logrotate.d/preforkd")
        for script in ("postinst", "prerm", "postrm"):
            write(root / "DEBIAN" / script, self.text(script), 0o755)
        write(root / "DEBIAN/conffiles", "".join(name + "\n" for name in conffiles))
        self.finish(root, self.text("control.in"))

    def symbols_root(self, root, symbols):
        for build_id, content in symbols.items():
            write(root / "usr/lib/debug/.build-id" / build_id[:2] / (build_id[2:] + ".debug"), content)
        doc = root / "usr/share/doc"
        doc.mkdir(parents=True)
        (doc / "preforkd-dbgsym").symlink_to("preforkd")
        control = self.text("control-dbgsym.in").replace("@BUILD_IDS@", " ".join(sorted(symbols)))
        self.finish(root, control)

    def finish(self, root, control):
        payload = [path for path in sorted(root.rglob("*"))
                   if path.is_file() and not path.is_symlink() and "DEBIAN" not in path.parts]
        sums = "".join(f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(root)}\n" for path in payload)
        write(root / "DEBIAN/md5sums", sums)
        size = sum((path.stat().st_size + 1023) // 1024 for path in payload)
        write(root / "DEBIAN/control", control.replace("@SIZE@", str(size)))
        for path in root.rglob("*"):  # whatever the umask is
            if path.is_dir():
                path.chmod(0o700 if path == root / KEYS_FOLDER else 0o755)

    def build_deb(self, root, out):
        root.chmod(0o755)
        environment = {"PATH": os.environ["PATH"], "SOURCE_DATE_EPOCH": str(self.changelog[0].time), "LC_ALL": "C"}
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Zxz" if self.symbols_wanted else "-Znone", "--threads-max=1", "--build", root, out],
                       env=environment, check=True, stdout=subprocess.DEVNULL)

    def build_tar(self, root, out):
        top = f"preforkd-{self.version}"

        def plain(entry):
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            entry.mtime = 0
            entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
            return entry

        with open(out, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed, \
                tarfile.open(mode="w", fileobj=packed, format=tarfile.GNU_FORMAT) as archive:
            base = root / "usr/local"
            for path in [base, *sorted(base.rglob("*"))]:
                name = top if path == base else f"{top}/{path.relative_to(base)}"
                archive.add(path, name, recursive=False, filter=plain)

    def build(self):
        self.check_version()
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            programs, symbols = {}, {}
            for name in ("preforkd", "preforkctl"):
                programs[name], symbols_of, build_id = separate_symbols(self.files[name], folder)
                symbols[build_id] = symbols_of
            self.debian_root(folder / "deb", programs)
            self.build_deb(folder / "deb", self.options.deb)
            if not self.symbols_wanted:
                return
            self.symbols_root(folder / "dbgsym", symbols)
            self.build_deb(folder / "dbgsym", self.options.dbgsym)
            self.install(folder / "tar", LOCAL, programs)
            doc = folder / "tar/usr/local/share/doc/preforkd"
            for page in PAGES:
                write(doc / page, self.text(page))
            write(doc / "CHANGELOG", self.text("CHANGELOG"))
            write(doc / "copyright", self.copyright())
            self.build_tar(folder / "tar", self.options.tar)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("version", "deb"):
        parser.add_argument("--" + name, required=True)
    for name in ("dbgsym", "tar"):
        parser.add_argument("--" + name, help="without it only the package is made, not compressed: for tests")
    parser.add_argument("--file", action="append", default=[], help="NAME=PATH")
    for name in ("headers", "manifests", "templates"):
        parser.add_argument("--" + name, nargs="+", required=True)
    Release(parser.parse_args()).build()


if __name__ == "__main__":
    main()
