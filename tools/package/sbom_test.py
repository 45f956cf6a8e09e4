#!/usr/bin/env python3
"""The software bill of materials against the package that it is about: its form (SPDX 2.3; Debian has no validator of
that), its files, and the libraries that the packaged programs need and name. Those are asked of the programs
(readelf, ldd, --version --verbose) and of dpkg, not of what wrote the bill."""

import copy
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SBOM, DEB, LIBRARIES = (Path(sys.argv.pop(1)) for _ in range(3))
PROGRAMS = {"preforkd": "usr/sbin/preforkd", "preforkctl": "usr/bin/preforkctl"}
# Of the list of SPDX, those in use here.
LICENCES = {"Apache-2.0", "BSD-3-Clause", "GPL-2.0-or-later", "GPL-3.0-or-later", "LGPL-2.1-only", "LGPL-2.1-or-later",
            "LGPL-3.0-or-later", "MIT", "Zlib", "GCC-exception-3.1", "NONE", "NOASSERTION"}
RELATIONS = {"DESCRIBES", "STATIC_LINK", "DYNAMIC_LINK", "DEPENDS_ON", "BUILD_TOOL_OF"}
PURPOSES = {"LIBRARY", "APPLICATION", "INSTALL", "ARCHIVE"}
DIGITS = {"SHA1": 40, "SHA256": 64}
# What SPDX 2.3 asks of each kind of element.
NEEDED = {
    "document": {"spdxVersion", "dataLicense", "SPDXID", "name", "documentNamespace", "creationInfo"},
    "package": {"SPDXID", "name", "downloadLocation"},
    "file": {"SPDXID", "fileName", "checksums"},
    "relationship": {"spdxElementId", "relationshipType", "relatedSpdxElement"},
}


def run(*words):
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True).stdout


def packages_of(libraries):
    """The Debian packages of files, by dpkg's records, which may have a path without /usr."""
    real = {str(Path(path).resolve()) for path in libraries}
    found = subprocess.run(["dpkg-query", "-S", *real, *(path.removeprefix("/usr") for path in real)],
                           capture_output=True, text=True, check=False).stdout.splitlines()
    known = {line.rpartition(": ")[2] for line in found}
    unknown = {path for path in real if not known & {path, path.removeprefix("/usr")}}
    if unknown:
        raise AssertionError(f"no package has {unknown}")
    return {line.split(":")[0] for line in found}


def problems_of_form(bill):
    """What is not SPDX 2.3, one line each."""
    kinds = [("package", each) for each in bill["packages"]] + [("file", each) for each in bill["files"]]
    kinds += [("relationship", each) for each in bill["relationships"]] + [("document", bill)]
    for kind, element in kinds:
        for key in sorted(NEEDED[kind] - set(element)):
            yield f"{kind} {element.get('SPDXID', '')} has no {key}"
    ids = [element["SPDXID"] for kind, element in kinds if "SPDXID" in element]
    yield from (f"{name} is there twice" for name in sorted(set(ids)) if ids.count(name) > 1)
    yield from (f"{name} is no id" for name in ids if not re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", name))
    if (bill["spdxVersion"], bill["dataLicense"], bill["SPDXID"]) != ("SPDX-2.3", "CC0-1.0", "SPDXRef-DOCUMENT"):
        yield "the document is of another version"
    if not re.fullmatch(r"https://[^#\s]+", bill["documentNamespace"]):
        yield "the namespace is no URI"
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", bill["creationInfo"]["created"]):
        yield "created is no time"
    if not all(re.match(r"(Tool|Person|Organization): \S", name) for name in bill["creationInfo"]["creators"]):
        yield "a creator is neither tool nor person nor organization"
    for relation in bill["relationships"]:
        if relation["relationshipType"] not in RELATIONS:
            yield f"{relation['relationshipType']} is no kind of relationship"
        for end in ("spdxElementId", "relatedSpdxElement"):
            if relation[end] not in ids:
                yield f"a relationship names {relation[end]}, which is not there"
    for kind, element in kinds:
        for checksum in element.get("checksums", []):
            if not re.fullmatch(f"[0-9a-f]{{{DIGITS[checksum['algorithm']]}}}", checksum["checksumValue"]):
                yield f"{element['SPDXID']}: {checksum} is no checksum"
        licence = element.get("licenseDeclared", "NOASSERTION")
        for word in re.split(r" (?:OR|AND|WITH) ", licence):
            if word not in LICENCES:
                yield f"{element['SPDXID']}: {word} is no licence of SPDX"
        if element.get("primaryPackagePurpose", "LIBRARY") not in PURPOSES:
            yield f"{element['SPDXID']}: {element['primaryPackagePurpose']} is no purpose"


class Bill(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.root = Path(cls.folder.name)
        run("dpkg-deb", "-x", DEB, cls.root)
        cls.bill = json.loads(SBOM.read_text())
        cls.packages = {package["name"]: package for package in cls.bill["packages"]}
        cls.table = json.loads(LIBRARIES.read_text())

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def related(self, program, *kinds):
        """The names of the packages that a program's file has such a relationship with."""
        file, = (file["SPDXID"] for file in self.bill["files"] if file["fileName"] == f"./{PROGRAMS[program]}")
        names = {package["SPDXID"]: package["name"] for package in self.bill["packages"]}
        return {names[relation["relatedSpdxElement"]] for relation in self.bill["relationships"]
                if relation["spdxElementId"] == file and relation["relationshipType"] in kinds}

    def loaded(self, program):
        """The packages of the libraries that a program needs, and of those that are loaded with them."""
        path = self.root / PROGRAMS[program]
        paths = dict(re.findall(r"^\s+(\S+) => (/\S+)", run("ldd", path), re.MULTILINE))
        needed = set(re.findall(r"NEEDED.*\[(.*)\]", run("readelf", "-dW", path)))
        self.assertGreaterEqual(len(needed), 3)
        self.assertLessEqual(needed - {"ld-linux-x86-64.so.2"}, set(paths))
        return packages_of(paths.values())

    def test_it_is_spdx(self):
        self.assertEqual(list(problems_of_form(self.bill)), [])

    def test_a_bill_that_is_wrong_is_found_to_be(self):
        def without(key):
            wrong = copy.deepcopy(self.bill)
            del wrong["packages"][3][key]
            return wrong

        def changed(kind, key, value):
            wrong = copy.deepcopy(self.bill)
            wrong[kind][0][key] = value
            return wrong

        for wrong in (without("SPDXID"), without("name"), changed("relationships", "relatedSpdxElement", "SPDXRef-no"),
                      changed("files", "SPDXID", "SPDXRef-a_b"), changed("packages", "licenseDeclared", "Expat"),
                      changed("files", "SPDXID", self.bill["packages"][0]["SPDXID"])):
            self.assertNotEqual(list(problems_of_form(wrong)), [])

    def test_the_programs_load_no_library_that_it_does_not_name(self):
        for program in PROGRAMS:
            # Nor does it name one in vain.
            self.assertEqual(self.related(program, "DYNAMIC_LINK", "DEPENDS_ON"), self.loaded(program))

    def test_it_names_what_the_programs_say_of_themselves(self):
        packages = {row["says"]: row["package"] for row in self.table["linked"].values()}
        packages.update({"glibc": "libc6", "libstdc++": "libstdc++6"})
        for program, path in PROGRAMS.items():
            said = run(self.root / path, "--version", "--verbose").partition("\nlibraries\n")[2]
            named = self.related(program, "STATIC_LINK", "DYNAMIC_LINK")
            libraries = dict(re.findall(r"^  (\S+) +(.*)$", said, re.MULTILINE))
            said = {packages[name] for name in libraries}
            # Of what it may use by the build graph, preforkctl leaves out toml++.
            self.assertEqual(named - said, {"libgcc-s1"} | ({"libtomlplusplus-dev"} if program == "preforkctl" else set()))
            self.assertEqual(said - named, set())
            for name, text in libraries.items():
                with self.subTest(library=name):
                    # Without the epoch: "12.2.0-14+deb12u1" of "built with 12", "1.2.13.dfsg-1" of "1.2.13".
                    version = re.sub(r"^\d+:", "", self.packages[packages[name]]["versionInfo"])
                    for number in re.findall(r"\d+(?:\.\d+)*", text):
                        self.assertRegex(version, rf"^{re.escape(number)}\b")

    def test_versions_are_those_of_this_machine(self):
        for name, package in self.packages.items():
            if package["SPDXID"].startswith("SPDXRef-Debian-"):
                with self.subTest(package=name):
                    self.assertEqual(package["versionInfo"], run("dpkg-query", "-W", "-f", "${Version}\n", name).split()[0])

    def test_its_files_are_those_of_the_package(self):
        found = {f"./{path.relative_to(self.root)}": hashlib.sha256(path.read_bytes()).hexdigest()
                 for path in self.root.rglob("*") if path.is_file() and not path.is_symlink()}
        named = {file["fileName"]: file["checksums"][1]["checksumValue"] for file in self.bill["files"]}
        self.assertEqual(named, found)
        code = hashlib.sha1("".join(sorted(file["checksums"][0]["checksumValue"] for file in self.bill["files"])).encode())
        own = self.packages["preforkd"]
        self.assertEqual(own["packageVerificationCode"]["packageVerificationCodeValue"], code.hexdigest())
        self.assertEqual(sorted(own["hasFiles"]), sorted(file["SPDXID"] for file in self.bill["files"]))

    def test_the_packages_of_the_release_are_those_beside_it(self):
        own = [package for package in self.bill["packages"] if "packageFileName" in package]
        self.assertEqual(len(own), 3)
        for package in own:
            content = (DEB.parent / package["packageFileName"]).read_bytes()
            self.assertEqual(package["checksums"][1]["checksumValue"], hashlib.sha256(content).hexdigest())


if __name__ == "__main__":
    unittest.main()
