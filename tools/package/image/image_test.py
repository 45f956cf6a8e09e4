#!/usr/bin/env python3
"""The image for containers: its layout, what is in it, what it says of itself, and that a second one is the same.
Unpacked, not run in a container: tests/container does that."""

import gzip
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import unittest
from datetime import datetime
from pathlib import Path

IMAGE, VERSION, *PARTS = sys.argv[1:]
del sys.argv[1:]
PACKER = Path(__file__).absolute().with_name("make_image.py")

LIBRARIES = "usr/lib/x86_64-linux-gnu/"
# Which libraries there must be, their needs say; these are all others.
FILES = {"usr/sbin/preforkd", "usr/bin/preforkctl", "etc/preforkd/preforkd.toml", "etc/passwd", "etc/group",
         "etc/ssl/certs/ca-certificates.crt", "usr/lib64/ld-linux-x86-64.so.2"}
COPYRIGHT = re.compile(r"usr/share/doc/[a-z0-9.+-]+/copyright")
EMPTY = {"dev", "proc", "sys", "tmp", "run/preforkd", "srv/www", "usr/lib/preforkd", "etc/preforkd/tls"}


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def run(*words, **more):
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True, **more).stdout


class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tarfile.open(IMAGE) as archive:
            cls.layout = {entry.name: archive.extractfile(entry).read() for entry in archive if entry.isfile()}
        cls.index = json.loads(cls.layout["index.json"])
        cls.manifest = json.loads(cls.blob(cls.index["manifests"][0]))
        cls.config = json.loads(cls.blob(cls.manifest["config"]))
        cls.layers = [gzip.decompress(cls.blob(layer)) for layer in cls.manifest["layers"]]
        cls.folder = tempfile.TemporaryDirectory()
        cls.root = Path(cls.folder.name, "root")
        cls.entries = {}
        for layer in cls.layers:
            with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
                cls.entries.update({entry.name: entry for entry in archive})
                archive.extractall(cls.root)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def blob(cls, descriptor):
        content = cls.layout["blobs/" + descriptor["digest"].replace(":", "/")]
        assert len(content) == descriptor["size"], descriptor
        return content

    def test_each_digest_is_right_and_nothing_is_left_over(self):
        self.assertEqual(json.loads(self.layout["oci-layout"]), {"imageLayoutVersion": "1.0.0"})
        blobs = {name: content for name, content in self.layout.items() if name.startswith("blobs/")}
        for name, content in blobs.items():
            self.assertEqual(name, "blobs/" + digest(content).replace(":", "/"))
        used = [self.index["manifests"][0], self.manifest["config"], *self.manifest["layers"]]
        self.assertEqual({"blobs/" + one["digest"].replace(":", "/") for one in used}, set(blobs))
        self.assertEqual(set(self.layout) - set(blobs), {"oci-layout", "index.json", "manifest.json"})
        self.assertEqual(self.config["rootfs"]["diff_ids"], [digest(layer) for layer in self.layers])

    def test_an_older_docker_finds_the_same(self):
        [entry] = json.loads(self.layout["manifest.json"])
        self.assertEqual(entry["RepoTags"], [f"preforkd:{VERSION}"])
        self.assertEqual(self.index["manifests"][0]["annotations"],
                         {"org.opencontainers.image.ref.name": f"preforkd:{VERSION}"})
        self.assertEqual(json.loads(self.layout[entry["Config"]]), self.config)
        self.assertEqual([gzip.decompress(self.layout[name]) for name in entry["Layers"]], self.layers)

    def test_what_it_says_of_itself(self):
        config = self.config["config"]
        self.assertEqual(config["Entrypoint"], ["/usr/sbin/preforkd", "-c", "/etc/preforkd/preforkd.toml"])
        self.assertNotIn("Cmd", config)
        self.assertEqual(config["StopSignal"], "SIGTERM")
        self.assertEqual(set(config["ExposedPorts"]), {f"{port}/tcp" for port in re.findall(
            r'^address = ":(\d+)"', (self.root / "etc/preforkd/preforkd.toml").read_text(), re.MULTILINE)})
        # By number: Kubernetes cannot tell from a name that the user is not root. And it is that of the image.
        user, group = config["User"].split(":")
        self.assertIn(f"preforkd:x:{user}:{group}:", (self.root / "etc/passwd").read_text())
        self.assertIn(f"preforkd:x:{group}:", (self.root / "etc/group").read_text())
        self.assertGreater(int(user), 0)
        self.assertEqual(config["Labels"]["org.opencontainers.image.version"], VERSION)
        self.assertEqual(config["Labels"], self.manifest["annotations"])
        self.assertEqual((self.config["os"], self.config["architecture"]), ("linux", "amd64"))

    def test_the_files_are_those_and_no_other(self):
        found = {name for name, entry in self.entries.items() if entry.isfile() and not COPYRIGHT.fullmatch(name)}
        self.assertEqual({name for name in found if not name.startswith(LIBRARIES)}, FILES)
        self.assertEqual({name for name in found if name.startswith(LIBRARIES)},
                         {LIBRARIES + name for name in self.needed() if not name.startswith("ld-linux")})
        folders = {name for name, entry in self.entries.items() if entry.isdir()}
        parents = {str(Path(name).parent) for name in self.entries}
        self.assertEqual(folders - parents, EMPTY)
        self.assertIn("usr/share/doc/preforkd/copyright", self.entries)
        self.assertIn("BEGIN CERTIFICATE", (self.root / "etc/ssl/certs/ca-certificates.crt").read_text())

    def needed(self):
        """What the programs need, what that needs, and so on: by the image's own files."""
        needed, left = set(), ["usr/sbin/preforkd", "usr/bin/preforkctl"]
        while left:
            for name in re.findall(r"\(NEEDED\).*\[(.+)\]", run("readelf", "-dW", self.root / left.pop())):
                if name not in needed:
                    needed.add(name)
                    left.append(("usr/lib64/" if name.startswith("ld-linux") else LIBRARIES) + name)
        return needed

    def test_everything_is_roots_and_of_the_day_of_the_release(self):
        [changelog] = [part.partition("=")[2] for part in PARTS if part.startswith("--changelog=")]
        day = re.search(r"^# \S+, (\S+)$", Path(changelog).read_text(), re.MULTILINE)[1]
        noon = int(datetime.fromisoformat(day + "T12:00:00+00:00").timestamp())
        for name, entry in self.entries.items():
            self.assertEqual((entry.uid, entry.gid, entry.mtime), (0, 0, noon), name)
            self.assertFalse(entry.mode & 0o6000, name)
            if entry.mode & 0o022 and not entry.issym():
                self.assertEqual((name in EMPTY, entry.mode), (True, 0o1777), name)

    def test_the_programs_run_with_what_is_in_it_alone(self):
        loader = [self.root / "lib64/ld-linux-x86-64.so.2", "--inhibit-cache", "--library-path", self.root / LIBRARIES]
        for program in ("usr/sbin/preforkd", "usr/bin/preforkctl"):
            for path in re.findall(r"=> (/\S+)", run(*loader, "--list", self.root / program)):
                self.assertTrue(path.startswith(str(self.root)), path)
        self.assertEqual(run(*loader, self.root / "usr/sbin/preforkd", "--version"), f"preforkd {VERSION}\n")
        self.assertEqual(run(*loader, self.root / "usr/bin/preforkctl", "version"), f"preforkctl {VERSION}\n")
        self.assertEqual(run(*loader, self.root / "usr/sbin/preforkd", "--check", "-c",
                             self.root / "etc/preforkd/preforkd.toml"), "configuration ok\n")

    def test_another_one_differs_in_the_label_for_its_commit_only(self):
        again, revision = Path(self.folder.name, "again.tar"), "0123456789abcdef0123456789abcdef01234567"
        before = os.umask(0o077)
        try:
            run(sys.executable, "-B", PACKER, f"--out={again}", f"--version={VERSION}", f"--revision={revision}", *PARTS,
                env={"PATH": os.environ["PATH"], "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "1", "TMPDIR": self.folder.name})
        finally:
            os.umask(before)
        with tarfile.open(again) as archive:
            layout = {entry.name: archive.extractfile(entry).read() for entry in archive if entry.isfile()}
        # Digests of the two texts that have it, sizes, and the index go with them.
        changed = [content for name, content in layout.items() if self.layout.get(name) != content]
        texts = [json.loads(content) for content in changed]
        self.assertEqual(len(texts), 4)
        label = "org.opencontainers.image.revision"
        [config] = [text for text in texts if "rootfs" in text]
        self.assertEqual(config["config"]["Labels"].pop(label), revision)
        self.assertEqual(config, self.config)
        [manifest] = [text for text in texts if "layers" in text]
        self.assertEqual(manifest["annotations"].pop(label), revision)
        self.assertEqual({**manifest, "config": self.manifest["config"]}, self.manifest)


if __name__ == "__main__":
    unittest.main()
