#!/usr/bin/env python3
"""Writes the software bill of materials of a release, SPDX 2.3 as JSON. Called by the rule of sbom.bzl.

What it names: the packages of the release with their checksums, each file of the Debian package, and each Debian
package whose code is in the programs or is loaded by them. Those that the programs are built with come from Bazel's
graph (--uses); those that are only loaded, from ldd. Versions are those of the machine that builds. A library
without a row in tools/third_party/libraries.json ends the build.

Reproducible on one machine: the time is that of the version's changelog entry.
"""

import argparse
import hashlib
import io
import json
import re
import subprocess
import tarfile
from pathlib import Path

from changelog import read_changelog

NAMESPACE = "https://preforkd.invalid/spdx"
DOCUMENT = "SPDXRef-DOCUMENT"
DEB = "SPDXRef-Package-preforkd"
HOW = {"static": ("STATIC_LINK", "linked statically"),
       "headers": ("STATIC_LINK", "headers only, compiled into the programs"),
       "dynamic": ("DYNAMIC_LINK", "linked dynamically")}


def run(*words):
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True).stdout


def spdx_id(*parts):
    return "SPDXRef-" + "-".join(re.sub(r"[^A-Za-z0-9.]+", "-", part).strip("-") for part in parts)


def checksums(content):
    return [{"algorithm": name, "checksumValue": hashlib.new(name.lower(), content).hexdigest()}
            for name in ("SHA1", "SHA256")]


def installed(package):
    """The version and the source of a Debian package of this machine."""
    version, source, architecture = run("dpkg-query", "-W", "-f", r"${Version} ${source:Package} ${Architecture}\n",
                                        package).splitlines()[0].split()
    return version, source, architecture


def owners(paths):
    """The Debian package of each file. The records of dpkg may have a path without /usr or with it."""
    known = {}
    for path in paths:
        real = str(Path(path).resolve())
        known.update({real: path, real.removeprefix("/usr"): path})
    # Exits with 1 for those that it does not know.
    found = subprocess.run(["dpkg-query", "-S", *sorted(known)], capture_output=True, text=True, check=False).stdout
    packages = {known[file]: line.split(":")[0] for line in found.splitlines()
                for file in [line.rpartition(": ")[2]] if file in known}
    for path in set(paths) - set(packages):
        raise SystemExit(f"sbom: no Debian package has {path}")
    return packages


def loaded_by(program):
    """The packages of all libraries that the loader maps for a program, its run time and theirs. Those of the
    sanitizers are not among them: a build with them is never shipped, and its bill is never read."""
    libraries = re.findall(r"(?:=> |^\s+)(/\S+) \(0x", run("ldd", program), re.MULTILINE)
    return {name for name in owners(libraries).values() if not re.fullmatch(r"lib[alut]b?san\d+", name)}


def debian_package(name, licence, comment):
    version, source, architecture = installed(name)
    return {
        "SPDXID": spdx_id("Debian", name),
        "name": name,
        "versionInfo": version,
        "supplier": "Organization: Debian",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": licence,
        "copyrightText": "NOASSERTION",
        "primaryPackagePurpose": "LIBRARY",
        "sourceInfo": f"built from the Debian source package {source}",
        "comment": comment,
        "externalRefs": [{
            "referenceCategory": "PACKAGE-MANAGER",
            "referenceType": "purl",
            "referenceLocator": f"pkg:deb/debian/{name}@{version}?arch={architecture}".replace("+", "%2B"),
        }],
    }


def own_package(path, spdx, version):
    content = path.read_bytes()
    return {
        "SPDXID": spdx,
        "name": path.name.split("_")[0] if path.suffix == ".deb" else path.name,
        "versionInfo": version,
        "packageFileName": path.name,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NONE",  # the tree states none: debian/copyright.head
        "copyrightText": "NOASSERTION",
        "primaryPackagePurpose": "INSTALL" if path.suffix == ".deb" else "ARCHIVE",
        "checksums": checksums(content),
    }


def files_of(deb):
    archive = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(deb)], check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        for member in sorted(members.getmembers(), key=lambda each: each.name):
            if member.isfile():
                yield {
                    "SPDXID": spdx_id("File", member.name.removeprefix("./")),
                    "fileName": member.name,
                    "checksums": checksums(members.extractfile(member).read()),
                    "licenseConcluded": "NOASSERTION",
                    "copyrightText": "NOASSERTION",
                }


def verification_code(files):
    sums = sorted(file["checksums"][0]["checksumValue"] for file in files)
    return {"packageVerificationCodeValue": hashlib.sha1("".join(sums).encode()).hexdigest()}


class Bill:
    def __init__(self, table):
        self.table = table
        self.packages, self.relations = {}, []

    def relate(self, element, kind, related, comment=None):
        relation = {"spdxElementId": element, "relationshipType": kind, "relatedSpdxElement": related}
        self.relations.append({**relation, **({"comment": comment} if comment else {})})

    def library(self, name, licence, comment):
        package = self.packages.setdefault(name, debian_package(name, licence, comment))
        return package["SPDXID"]

    def program(self, path, file_id, uses):
        """The libraries of one program: those it is built with, then those that come with them."""
        direct = set()
        for name in sorted(uses):
            if name not in self.table["linked"]:
                raise SystemExit(f"sbom: tools/third_party/libraries.json has no row for {name}")
            row = self.table["linked"][name]
            kind, comment = HOW[row["how"]]
            direct.add(row["package"])
            self.relate(file_id, kind, self.library(row["package"], row["licence"], comment), comment)
        for name in sorted(loaded_by(path) - direct):
            if name in self.table["run_time"]:
                library = self.library(name, self.table["run_time"][name], "run time of C and C++")
                self.relate(file_id, "DYNAMIC_LINK", library, "run time of C and C++")
            elif name in self.table["needed_by_those"]:
                library = self.library(name, self.table["needed_by_those"][name], "loaded by another library")
                self.relate(file_id, "DEPENDS_ON", library, "loaded by another library")
            else:
                raise SystemExit(f"sbom: {path} loads a library of {name}, which tools/third_party/libraries.json "
                                 "does not have")

    def compiler(self):
        name, = owners([run("sh", "-c", "readlink -f $(command -v g++)").strip()]).values()
        package = debian_package(name, "GPL-3.0-or-later", "compiled the programs")
        package["primaryPackagePurpose"] = "APPLICATION"
        self.packages[name] = package
        self.relate(package["SPDXID"], "BUILD_TOOL_OF", DEB)


def make(options):
    version = options.version
    entry = read_changelog(options.changelog.read_text())[0]
    if entry.version != version:
        raise SystemExit(f"sbom: the newest version in CHANGELOG is {entry.version}, not {version}")
    bill = Bill(json.loads(options.libraries.read_text()))
    deb, *others = options.package
    files = list(files_of(deb))
    own = own_package(deb, DEB, version)
    own.update(filesAnalyzed=True, packageVerificationCode=verification_code(files), licenseInfoFromFiles=["NOASSERTION"],
               hasFiles=[file["SPDXID"] for file in files])
    bill.relate(DOCUMENT, "DESCRIBES", DEB)
    packages = [own]
    for path in others:
        packages.append(own_package(path, spdx_id("Package", path.name), version))
        bill.relate(DOCUMENT, "DESCRIBES", packages[-1]["SPDXID"])
    by_name = {Path(file["fileName"]).name: file["SPDXID"] for file in files if "/bin/" in file["fileName"] or
               "/sbin/" in file["fileName"]}
    for path, uses in options.program:
        bill.program(path, by_name[path.name], uses)
    bill.compiler()
    packages += [bill.packages[name] for name in sorted(bill.packages)]
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": DOCUMENT,
        "name": f"preforkd-{version}",
        "creationInfo": {"created": f"{entry.date}T12:00:00Z", "creators": ["Tool: preforkd-tools-package-sbom"]},
        "packages": packages,
        "files": files,
        "relationships": bill.relations,
    }
    # One name for each content.
    digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
    document["documentNamespace"] = f"{NAMESPACE}/preforkd-{version}-{digest[:32]}"
    options.out.write_text(json.dumps(document, indent=1) + "\n")


class Program(argparse.Action):
    """--program PATH, then --uses NAME for each of its libraries."""

    def __call__(self, parser, namespace, value, option_string=None):
        programs = namespace.program = namespace.program or []
        if option_string == "--program":
            programs.append((Path(value), []))
        else:
            programs[-1][1].append(value)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--version", required=True)
    parser.add_argument("--program", action=Program, dest="program")
    parser.add_argument("--uses", action=Program, dest="program")
    parser.add_argument("--package", action="append", type=Path, required=True, help="the first is the .deb")
    for name in ("libraries", "changelog", "out"):
        parser.add_argument("--" + name, type=Path, required=True)
    make(parser.parse_args())


if __name__ == "__main__":
    main()
