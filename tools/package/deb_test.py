#!/usr/bin/env python3
"""The Debian package: its files, how its programs are linked, what its man pages and completion name, and what lintian
and systemd say of it. Unpacked, not installed: deb_install_test does that."""

import datetime
import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

DEB, DBGSYM, VERSION = sys.argv.pop(1), sys.argv.pop(1), sys.argv.pop(1)
# Some of the hardening is in the optimized build only: .ci/run tests that build, and it is the one we ship.
OPTIMIZED = sys.argv.pop(1) == "optimized"

# Debian's names of the C and C++ run time, and of what each program has of TLS and compression.
RUN_TIME = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "libstdc++.so.6", "ld-linux-x86-64.so.2"}
LIBRARIES = {"usr/sbin/preforkd": {"libgnutls.so.30", "libcrypt.so.1", "libcrypto.so.3", "libz.so.1", "libbrotlienc.so.1"},
             "usr/bin/preforkctl": set()}
PROGRAMS = ("usr/sbin/preforkd", "usr/bin/preforkctl")
EXPECTED = {
    *PROGRAMS,
    "etc/preforkd/preforkd.toml",
    "lib/systemd/system/preforkd.service",
    "lib/systemd/system/preforkd.socket",
    "usr/bin/preforkd",
    "usr/bin/preforkd-new-service",
    "usr/share/bash-completion/completions/preforkctl",
    "usr/share/bash-completion/completions/preforkd",
    "usr/share/doc/preforkd/README.md.gz",
    "usr/share/doc/preforkd/changelog.gz",
    "usr/share/doc/preforkd/copyright",
    "usr/share/doc/preforkd/how-it-works.md.gz",
    "usr/share/doc/preforkd/modules.md.gz",
    "usr/share/doc/preforkd/operating.md.gz",
    "usr/share/doc/preforkd/reference.md.gz",
    "usr/share/man/man1/preforkctl.1.gz",
    "usr/share/man/man1/preforkd-new-service.1.gz",
    "usr/share/man/man5/preforkd.toml.5.gz",
    "usr/share/man/man8/preforkd.8.gz",
    "usr/share/preforkd/preforkd-alerts.yml",
    "usr/share/preforkd/preforkd-grafana.json",
    "usr/share/preforkd/certbot-hook",
    "usr/share/preforkd/haproxy-tls.cfg",
    "usr/share/preforkd/haproxy.cfg",
    *(f"usr/share/preforkd/kubernetes/{name}.yaml" for name in (
        "configmap", "deployment", "poddisruptionbudget", "service", "monitoring/horizontalpodautoscaler",
        "monitoring/prometheus-adapter", "monitoring/prometheusrule", "monitoring/servicemonitor")),
    *(f"usr/share/preforkd/service_template/{name}.in" for name in (
        "BUILD.bazel", "Makefile", "README.md", "WORKSPACE", "drop-in.conf", "handler.cc", "handler_test.cc",
        "service.toml")),
}
# The headers of modules; the parts of module.hpp and testing.hpp are in folders of these names.
HEADERS = {"module.h", "module.hpp", "testing.hpp"}
MAY_BE_THERE = {"etc/logrotate.d/preforkd"}


def run(*words, **more):
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True, **more).stdout


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.root, cls.symbols, cls.control = (Path(cls.folder.name, name) for name in ("root", "symbols", "control"))
        run("dpkg-deb", "-x", DEB, cls.root)
        run("dpkg-deb", "-x", DBGSYM, cls.symbols)
        run("dpkg-deb", "-e", DEB, cls.control)
        cls.help = run(cls.root / PROGRAMS[0], "--help")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def files(self):
        return {str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file()}

    def man(self, page):
        text = gzip.decompress((self.root / f"usr/share/man/man{page[-1]}" / (page + ".gz")).read_bytes()).decode()
        self.assertNotIn("@", text.replace("unix:@", ""))
        return text.replace(r"\(dq", '"').replace(r"\-", "-")

    def changelog(self):
        return gzip.decompress((self.root / "usr/share/doc/preforkd/changelog.gz").read_bytes()).decode()

    def day(self):
        """That of the newest entry of the changelog."""
        stamp = re.search(r"^ -- .*>  \w+, (.*)$", self.changelog(), re.MULTILINE)[1]
        return datetime.datetime.strptime(stamp, "%d %b %Y %H:%M:%S %z").date().isoformat()

    def test_the_files_are_those_and_no_other(self):
        found = {name for name in self.files() if not name.startswith("usr/include/preforkd/")}
        self.assertEqual(found - MAY_BE_THERE, EXPECTED)
        self.assertTrue((self.root / "usr/lib/preforkd").is_dir())
        listed = set((self.control / "conffiles").read_text().split())
        self.assertEqual(listed, {"/" + name for name in self.files() if name.startswith("etc/")})

    def test_everything_is_roots_and_of_one_time(self):
        for line in run("dpkg-deb", "-c", DEB, env={**os.environ, "TZ": "UTC"}).splitlines():
            self.assertRegex(line, rf" root/root +\d+ {self.day()} 12:00 ")
            self.assertNotRegex(line, r"^[^l].{7}w", "writable by everybody")

    def test_keys_have_a_folder_that_only_root_can_enter(self):
        folders = [line for line in run("dpkg-deb", "-c", DEB).splitlines() if line.startswith("drwx------")]
        self.assertEqual([line.split()[-1] for line in folders], ["./etc/preforkd/tls/"])

    def test_the_dependencies_are_those_that_dpkg_finds(self):
        if not shutil.which("dpkg-shlibdeps"):
            self.skipTest("the package dpkg-dev is not installed")
        source = Path(self.folder.name, "source")
        (source / "debian").mkdir(parents=True)
        (source / "debian/control").write_text("Source: preforkd\n\nPackage: preforkd\nArchitecture: any\n")
        found = run("dpkg-shlibdeps", "-O", *(self.root / program for program in PROGRAMS), cwd=source)
        self.assertLessEqual(set(found.strip().partition("=")[2].split(", ")),
                             set(run("dpkg-deb", "-f", DEB, "Depends").strip().split(", ")))

    def test_the_version_is_one(self):
        self.assertEqual(run("dpkg-deb", "-f", DEB, "Version").strip(), VERSION)
        self.assertEqual(run("dpkg-deb", "-f", DBGSYM, "Depends").strip(), f"preforkd (= {VERSION})")
        self.assertEqual(run(self.root / PROGRAMS[0], "--version"), f"preforkd {VERSION}\n")
        self.assertEqual(run(self.root / PROGRAMS[1], "--version"), f"preforkctl {VERSION}\n")

    def test_verbose_names_the_build_and_its_formats(self):
        names = {"preforkd": {"compiler", "build id", "wire", "board", "saved state", "limits", "services", "modules",
                              "protocols", "codings"},
                 "preforkctl": {"compiler", "build id"}}
        for program in PROGRAMS:
            name = Path(program).name
            said = run(self.root / program, "--version", "--verbose")
            self.assertEqual(said, run(self.root / program, "--verbose", "--version"))
            title, _, facts = said.partition("\nlibraries\n")[0].partition("\n")
            facts = dict(re.findall(r"^(\w+(?: \w+)*)  +(.*)$", facts, re.MULTILINE))
            self.assertEqual(title, f"{name} {VERSION}")
            self.assertEqual(set(facts), names[name])
            self.assertRegex(facts["build id"], r"^[0-9a-f]{40}$")
            self.assertIn(facts["build id"], run("dpkg-deb", "-f", DBGSYM, "Build-Ids").split())
            self.assertEqual("not optimized" not in facts["compiler"], OPTIMIZED)

    def test_the_changelog_is_of_this_version_and_dpkg_can_read_it(self):
        self.assertTrue(self.changelog().startswith(f"preforkd ({VERSION}) stable; "))
        lines = [line for line in self.changelog().splitlines() if not line.startswith(" -- ")]
        self.assertLessEqual(max(map(len, lines)), 80)
        if not shutil.which("dpkg-parsechangelog"):
            self.skipTest("the package dpkg-dev is not installed")
        file = Path(self.folder.name, "changelog")
        file.write_text(self.changelog())
        result = subprocess.run(["dpkg-parsechangelog", "-l", str(file), "--all", "-S", "Changes"], check=True,
                                capture_output=True, text=True)
        self.assertEqual(result.stderr, "")
        for version in ("0.2.0", "0.1.0"):
            self.assertIn(f"preforkd ({version}) ", result.stdout)

    def test_programs_are_hardened_stripped_and_need_few_libraries(self):
        for program in PROGRAMS:
            with self.subTest(program=program):
                path = self.root / program
                dynamic = run("readelf", "-dW", path)
                needed = set(re.findall(r"NEEDED.*\[(.*)\]", dynamic))
                self.assertEqual(needed - RUN_TIME, LIBRARIES[program])
                self.assertRegex(dynamic, r"FLAGS_1.*\bNOW\b.*\bPIE\b")
                self.assertNotRegex(dynamic, r"R(UN)?PATH")
                segments = run("readelf", "-lW", path)
                self.assertIn("GNU_RELRO", segments)
                self.assertRegex(segments, r"GNU_STACK .* RW ")
                self.assertIn("__stack_chk_fail", run("readelf", "--dyn-syms", "-W", path))
                self.assertNotRegex(run("readelf", "-SW", path), r"\.symtab|\.debug_")

    def test_optimized_programs_are_fortified_and_compiled_for_cet(self):
        for program in PROGRAMS:
            with self.subTest(program=program):
                path = self.root / program
                checked = re.findall(r"\b__\w+_chk\b", run("readelf", "--dyn-syms", "-W", path))
                landings = run("objdump", "-d", path).count("endbr64")
                notes = run("readelf", "-nW", path)
                # Not IBT: libevent_core.a and the C library's start files lack it (tools/bazel/cc.bzl).
                self.assertNotIn("IBT", notes)
                if OPTIMIZED:
                    self.assertIn("x86 feature: SHSTK", notes)
                    self.assertGreater(landings, 1000)
                    self.assertIn("__memcpy_chk", checked)

    def test_every_file_of_ours_was_compiled_with_the_hardening(self):
        wanted = ["-fstack-protector-strong"]
        if OPTIMIZED:
            wanted += ["-O2", "-fcf-protection=full", "-fstack-clash-protection"]
        for symbols in self.symbols.rglob("*.debug"):
            units = re.findall(r"DW_AT_producer *: .*?(GNU C.*)",
                               run("readelf", "--debug-dump=info", "--dwarf-depth=1", symbols))
            self.assertGreater(len(units), 10)
            for unit in units:
                for option in wanted:
                    self.assertIn(option, unit.split())

    def test_gdb_finds_the_symbols(self):
        if not shutil.which("gdb"):
            self.skipTest("gdb is not installed")
        for program in PROGRAMS:
            said = run("gdb", "-nx", "-batch", "-ex", f"set debug-file-directory {self.symbols}/usr/lib/debug",
                       "-ex", f"file {self.root / program}", "-ex", "info line main",
                       env={**os.environ, "HOME": self.folder.name})
            self.assertRegex(said, r'Line \d+ of "(\S*/)?main\.cc" starts at address')

    def test_the_licences_of_what_is_linked_in_are_named(self):
        text = (self.root / "usr/share/doc/preforkd/copyright").read_text()
        for package in ("libevent-dev", "libfmt-dev", "libtomlplusplus-dev", "libcli11-dev",
                        "nlohmann-json3-dev"):
            self.assertRegex(text, rf"(?m)^  {package} +[3M]", "in the table")
            self.assertRegex(text, rf"(?m)^{package}$", "in full")

    def test_symbols_are_in_the_other_package(self):
        for program in PROGRAMS:
            build_id = re.search(r"Build ID: ([0-9a-f]+)", run("readelf", "-nW", self.root / program))[1]
            symbols = self.symbols / "usr/lib/debug/.build-id" / build_id[:2] / (build_id[2:] + ".debug")
            self.assertIn(".debug_info", run("readelf", "-SW", symbols))
            self.assertIn(build_id, run("dpkg-deb", "-f", DBGSYM, "Build-Ids"))

    def test_the_man_page_of_the_configuration_names_every_key_with_its_default(self):
        page = self.man("preforkd.toml.5")
        documented = dict(re.findall(r"^\.TP\n\.B ([a-z_.]+)(?: = (.*))?$", page, re.MULTILINE))
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write('[[listen]]\naddress = "127.0.0.1:0"\nservice = "a"\n[service.a]\ntype = "http"\n'
                       '[service.b]\ntype = "echo"\n[service.c]\ntype = "status"\n')
            file.flush()
            printed = run(self.root / PROGRAMS[0], "--print-config", "-c", file.name)
        # Of a pool only its own keys; the others are at the top level and in [worker] and [supervision].
        pools = {key: documented.pop(key) for key in list(documented) if key.startswith("pool.")}
        self.assertEqual(pools, {"pool.kind": '"services"', "pool.workers": '"auto"', "pool.workers_max": '"auto"'})
        certificates = {key: documented.pop(key) for key in list(documented) if key.startswith("tls.certificate.")}
        self.assertEqual(certificates, {"tls.certificate.chain": "", "tls.certificate.key": "",
                                        "tls.certificate.ocsp": '""'})
        tables = {key: documented.pop(key) for key in list(documented)
                  if key.startswith(("service.host.", "service.location."))}
        self.assertEqual(tables, {"service.host.name": "", "service.location.path": ""})
        # Of a module, which this test has none of.
        own = ("service.path", "service.threads", "service.request_timeout", "service.preload_max",
               "service.preload_timeout")
        modules = {key: documented.pop(key, "missing") for key in own}
        self.assertEqual(list(modules.values()), ["", "1", '"30s"', '"256MiB"', '"1m"'])
        keys, section = {}, ""
        for line in printed.splitlines():
            if line.startswith("["):
                section = line.strip("[]").split(".")[0] + "."
            elif match := re.match(r"(# )?([a-z_]+)(?: = (.*?))?  +# ", line):
                keys[section + match[2]] = "" if match[1] else match[3]
        self.assertGreater(len(keys), 35)
        for own in ("listen.address", "listen.service", "service.type"):
            keys[own] = ""  # every file sets its own
        self.assertEqual(documented, keys)

    def test_the_other_man_pages_name_every_flag_and_command(self):
        flags = set(re.findall(r"^ +(?:-\w,)?(--[a-z-]+)", self.help, re.MULTILINE))
        flags |= {f"--{name}" for name in ("config", "help")}
        self.assertLessEqual(flags, set(re.findall(r"--[a-z-]+[a-z]", self.man("preforkd.8"))))
        ctl = run(self.root / PROGRAMS[1], "--help")
        commands = re.findall(r"^  ([a-z-]+) ", ctl.split("flags:")[0], re.MULTILINE)
        page = self.man("preforkctl.1")
        self.assertEqual(re.findall(r"^\.TP\n\.B ([a-z-]+)(?: \\f.*)?$", page, re.MULTILINE)[:len(commands)], commands)
        for flag in re.findall(r"--[a-z]+", ctl.split("flags:")[1]):
            self.assertIn(flag, page)

    def test_the_man_page_of_new_service_names_what_it_writes(self):
        folder = Path(self.folder.name, "shop")
        run(self.root / "usr/bin/preforkd-new-service", "shop", folder)
        page = re.sub(r"\.(IB|I|IR|B|BR) |\\f.| ,", "", self.man("preforkd-new-service.1"))
        for path in folder.rglob("*"):
            if path.is_file():
                name = str(path.relative_to(folder)).replace("shop", "NAME")
                self.assertIn(name, page.replace("NAME ", "NAME").replace("/ NAME", "/NAME"))

    def test_completion_offers_every_flag_of_preforkd(self):
        flags = sorted(set(re.findall(r"^ +(?:-\w,)?(--[a-z-]+)", self.help, re.MULTILINE)))
        completion = self.root / "usr/share/bash-completion/completions/preforkd"
        offered = run("bash", "-c", 'source "$0"; COMP_WORDS=(preforkd --); COMP_CWORD=1; _preforkd; '
                      'printf "%s\\n" "${COMPREPLY[@]}"', completion)
        self.assertEqual(sorted(offered.split()), flags)

    def test_the_headers_are_those_of_modules(self):
        folder = self.root / "usr/include/preforkd"
        found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        parts = {name for name in found if re.fullmatch(r"(module|testing)/\w+\.hpp", name)}
        self.assertEqual(found - parts, HEADERS)
        for name in ("module", "testing"):
            self.assertTrue(any(part.startswith(name + "/") for part in parts), name)

    def test_each_header_compiles_by_itself_and_includes_no_library(self):
        include = self.root / "usr/include"
        for path in sorted((include / "preforkd").rglob("*.h*")):
            name = path.relative_to(include)
            with self.subTest(header=name):
                run("g++", "-std=c++20", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I", include, "-x", "c++", "-",
                    input=f"#include <{name}>\n")
                for quoted in re.findall(r'^#include "([^"]+)"', path.read_text(), re.MULTILINE):
                    self.assertTrue((path.parent / quoted).resolve().is_relative_to(include / "preforkd"), quoted)
                for system in re.findall(r"^#include <([^>]+)>", path.read_text(), re.MULTILINE):
                    # Of the C++ and C libraries: one word, or a folder of the C library or the kernel.
                    self.assertRegex(system, r"^(preforkd/\S+|\w+(\.h)?|(sys|netinet|arpa|linux)/\w+\.h)$")
        run("gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I", include, "-x", "c", "-",
            input="#include <preforkd/module.h>\n")

    def test_the_configuration_and_its_commented_lines_are_right(self):
        file = self.root / "etc/preforkd/preforkd.toml"
        self.assertEqual(run(self.root / PROGRAMS[0], "--check", "-c", file), "configuration ok\n")

    def test_systemd_takes_the_units_and_finds_little_exposed(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("the package systemd is not installed")
        units = self.root / "lib/systemd/system"
        text = (units / "preforkd.service").read_text()
        self.assertIn("\nUser=preforkd\nGroup=preforkd\n", text)
        self.assertIn("\nExecReload=/usr/bin/preforkctl reload --wait\n", text)
        report = run("systemd-analyze", "security", "--offline=true", units / "preforkd.service")
        score = float(re.search(r"Overall exposure level for .*: ([0-9.]+)", report)[1])
        self.assertLessEqual(score, 1.8)  # 0.2 of it for CAP_DAC_READ_SEARCH, 0.1 for sched_setattr

    def test_shellcheck_finds_nothing_in_the_hook_of_certbot(self):
        if not shutil.which("shellcheck"):
            self.skipTest("shellcheck is not installed")
        run("shellcheck", self.root / "usr/share/preforkd/certbot-hook")

    def test_man_pages_render_without_a_warning(self):
        if not shutil.which("man"):
            self.skipTest("man is not installed")
        pages = sorted(path for path in (self.root / "usr/share/man").rglob("*.gz"))
        self.assertGreaterEqual(len(pages), 3)
        for page in pages:
            with self.subTest(page=page.name):
                result = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", str(page)], check=True,
                                        capture_output=True, text=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
                self.assertEqual(result.stderr, "")

    def test_lintian_finds_no_error(self):
        if not shutil.which("lintian"):
            self.skipTest("lintian is not installed")
        result = subprocess.run(["lintian", "--allow-root", "--fail-on", "error", DEB], capture_output=True, text=True,
                                env={**os.environ, "HOME": self.folder.name}, check=False)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)


if __name__ == "__main__":
    unittest.main()
