#!/usr/bin/env python3
"""The tree keeps its own rules (layout_rules.py), and each of those rules can fail."""

import tempfile
import unittest
from pathlib import Path

import layout_rules
from class_size import class_sizes
from layout_rules import check_tree

# Bazel's runfiles are links into the source tree; BUILD.bazel says why this test may leave its sandbox.
ROOT = Path(__file__).resolve().parent.parent

HEADER = "// A header.\n"

def class_of(count, before, after):
    """A class of so many declarations."""
    return "struct Big {\n" + "".join(f"  {before} v{i}{after}\n" for i in range(count)) + "};\n"


README = """# A program

[Master](master/README.md), [common](common/README.md#common-what-both-use), [here](#a-program).
"""

COMMON_PAGE = """# Common: what both use

## The life of a configuration value

1. `master/system/spawn.cc`
"""

# A tree without fault, in which comments, literals and near misses must not be taken for faults.
GOOD = {
    "WORKSPACE": "",
    "BUILD.bazel": "",
    "README.md": README,
    "master/README.md": """# Master

[Values](../common/README.md#the-life-of-a-configuration-value), [the tree](../master), <https://example.org>,
[elsewhere](https://example.org/a.md), `[no](link.md)`.

    [neither](this.md)

## The life of a connection

1. `master/main.cc` starts it, `accept4` and `/dev/null` are no files of ours;
   `worker/process/worker.h` goes on.

## The life of a TLS connection

1. `worker/process/worker.h`

## The life of a worker

1. `master/system/spawn.cc`

## The life of an upgrade

1. `master/system/spawn.cc`
""",
    "common/README.md": COMMON_PAGE,
    "tools/run": "",
    "tests/a_test.cc": '#include <doctest/doctest.h>\n#include "worker/process/worker.h"\nvoid f() { ::close(1); }\n',
    "common/base/unique_fd.cc": "void f(int fd) { ::close(fd); }\n",
    "common/channel/fd_message.cc": "void f() { ::sendmsg(1, nullptr, 0); }\n",
    "common/event/timer.h": HEADER + "#include <event2/event.h>\n",
    "master/main.cc": '#include "master/master.h"\n#include "worker/process/worker.h"\n',
    "master/master.h": HEADER + "// fork() is in spawn.cc\n/* ::read(\n */ const int n = 1'000; char c = 'r';\n",
    "master/master.cc": 'void f() { log("::read(fd)"); R"(sleep(1))"; file.close(fd); Exit(code); OnFork(); }\n',
    "master/system/spawn.cc": "void f() { ::fork(); ::_exit(static_cast<int>(code)); }\n",
    "master/policy/balance.h": HEADER + '#include <vector>\n#include "common/config/config.h"\n',
    "worker/process/child_setup.cc": "void f() { ::close_range(3, ~0U, 0); }\n",
    "worker/a.h": HEADER + class_of(layout_rules.MAX_METHODS, "void", "();"),
    "worker/b.h": HEADER + class_of(layout_rules.MAX_MEMBERS, "int", ";"),
    "common/wire/packed_parcel.h": HEADER + class_of(99, "int", ";").replace("Big", "ParcelHead"),
    "tests/a.cc": class_of(99, "int", ";"),
    "worker/process/worker.h": HEADER + '#include "common/base/log_event.h"\n#include "common/event/timer.h"\n',
}

# One declaration in a class; the methods and data members that it counts for.
DECLARATIONS = (
    ("int a;", 0, 1),
    ("int a = 0, b{1}, *c;", 0, 3),
    ("std::map<int, std::function<void(int, int)>> a;", 0, 1),
    ("std::function<int()> a = [](auto x) { return f(x); };", 0, 1),
    ("void (*a)(int, int) = nullptr;", 0, 1),
    ("alignas(64) std::atomic<bool> a{};", 0, 1),
    ("struct stat a{};", 0, 1),
    ("static constexpr int kA = f(1);", 0, 0),
    ("static inline Place* a = nullptr;", 0, 0),
    ("Big(int x);", 1, 0),
    ("explicit Big(int x) : a_{1, 2}, b_(x) {}", 1, 0),
    ("~Big() { for (;;) { g(); } }", 1, 0),
    ("Big(const Big&) = delete;", 0, 0),
    ("virtual ~Big() = default;", 0, 0),
    ("virtual void F() = 0;", 1, 0),
    ("public: [[nodiscard]] int F() const { return a; } private: int b;", 1, 1),
    ("auto F(std::map<int, int> m = {}) -> int;", 1, 0),
    ("template <typename T, typename... More> void F(T t, More&&... more) noexcept { g(t); }", 1, 0),
    ("static void F(void (*callback)(int));", 1, 0),
    ("bool operator==(const Big&) const; bool operator<(Big) const; Big& operator=(Big b); void operator()(int);", 4, 0),
    ("operator bool() const; static void* operator new(std::size_t size);", 2, 0),
    ("using A = int; typedef int B; friend class C; friend void f(int); static_assert(f(1));", 0, 0),
    ("class A; enum class B : int { kC, kD }; enum E { kF };", 0, 0),
    ("struct A { int b; void F(); }; A a;", 0, 1),
    ("#ifdef A\n int a;\n#else\n int b;\n#endif", 0, 2),
)


# Rule, file that breaks it, what is in the file.
BAD = (
    ("direction", "common/base/a.cc", '#include "common/net/address.h"'),
    ("direction", "common/config/a.cc", '#include "common/event/timer.h"'),
    ("direction", "common/config/a.cc", '#include "common/net/socket_ops.h"'),
    ("direction", "common/wire/a.cc", '#include "common/event/timer.h"'),
    ("direction", "common/channel/a.cc", '#include "common/net/address.h"'),
    ("direction", "common/scoreboard/a.cc", '#include "common/wire/parcel.h"'),
    ("direction", "common/report/a.cc", '#include "common/wire/parcel.h"'),
    ("direction", "common/process/a.cc", '#include "master/master.h"'),
    ("direction", "common/event/a.cc", '# include "worker/process/worker.h"'),
    ("direction", "master/policy/a.cc", '#include "common/event/timer.h"'),
    ("direction", "master/policy/a.cc", '#include "master/master.h"'),
    ("direction", "master/a.cc", '#include "worker/process/worker.h"'),
    ("direction", "worker/a.cc", '#include "master/master.h"'),
    ("direction", "worker/a.cc", '#include "tests/support/a.h"'),
    ("direction", "worker/a.cc", '#include "nearby.h"'),
    ("libevent", "worker/a.cc", "#include <event2/bufferevent.h>"),
    ("doctest", "common/base/a.cc", "#include <doctest/doctest.h>"),
    ("toml++", "common/config/a.cc", "#include <toml++/toml.h>"),
    ("CLI11", "master/a.cc", "#include <CLI/CLI.hpp>"),
    ("OpenSSL", "worker/connection/a.cc", "#include <openssl/evp.h>"),
    ("GnuTLS", "worker/http/a.cc", "#include <gnutls/gnutls.h>"),
    ("libcrypt", "worker/http/access/a.cc", "#include <crypt.h>"),
    ("zlib or brotli", "worker/http/coding/a.cc", "#include <zlib.h>"),
    ("a system header in the record layer", "worker/connection/tls/a.cc", "#include <sys/socket.h>"),
    ("a system header in the record layer", "common/tls/a.cc", "#include <unistd.h>"),
    ("a system header in the policy", "master/policy/a.cc", "#include <sys/types.h>"),
    ("a system header in the policy", "master/policy/a.cc", "#include <unistd.h>"),
    ("json in a header", "worker/services/a.h", HEADER + "#include <nlohmann/json.hpp>"),
    ("sendmsg or recvmsg", "common/net/a.cc", "void f() { recvmsg(1, nullptr, 0); }"),
    ("sendmsg or recvmsg", "master/a.cc", "void f() { ::sendmmsg(1, nullptr, 0, 0); }"),
    ("close", "worker/a.cc", "void f() { ::close(3); }"),
    ("close", "worker/a.cc", "void f() { close(listen_fd); }"),
    ("close_range", "master/a.cc", "void f() { ::close_range(3, 4, 0); }"),
    ("fork", "worker/a.cc", "void f() { fork(); }"),
    ("fork", "master/a.cc", "void f() { ::vfork (); }"),
    ("exec", "worker/a.cc", "void f() { ::execve(path, words, environ); }"),
    ("exec", "master/upgrade/trial.cc", "void f() { ::fexecve(3, words, environ); }"),
    ("writing the account", "master/a.cc", "void f() { Add(scoreboard_.Master().lost, 2); }"),
    ("writing the account", "worker/a.cc", "void f() { Set(env_->row.returned, 2); }"),
    ("writing the account", "master/a.cc", "void f() { Add(page_.lost_by[1]); }"),
    ("sleep", "common/base/a.cc", "void f() { std::this_thread::sleep_for(ms); }"),
    ("sleep", "master/a.cc", "void f() { ::usleep(1); }"),
    ("reading in the master", "master/a.cc", "void f() { ::recv(1, p, n, 0); }"),
    ("reading in the master", "master/a.cc", "void f() { const auto n = ::read(1, p, n); }"),
    ("exit with a number", "worker/a.cc", "void f() { _exit(1); }"),
    ("exit with a number", "master/a.cc", "void f() { std::exit( 0); }"),
    ("log text", "tests/process/a_test.cc", "void f() { CHECK(daemon.Log().find(x) != 0); }"),
    ("log text", "tests/process/a_test.cc", "void f() { CHECK(Contains(daemon.Log(), x)); }"),
    ("log text", "tests/process/a_test.cc", "void f() { daemon.WaitForLog(x); }"),
    ("size", "worker/a.cc", "// line\n" * (layout_rules.MAX_LINES + 1)),
    ("columns", "worker/a.cc", "//" + "x" * layout_rules.MAX_COLUMNS),
    ("class", "worker/a.h", HEADER + class_of(layout_rules.MAX_METHODS + 1, "void", "();")),
    ("class", "worker/a.cc", class_of(layout_rules.MAX_MEMBERS + 1, "int", ";")),
    ("class", "common/wire/packed_parcel.h",
     HEADER + class_of(layout_rules.MAX_METHODS + 1, "void", "();").replace("Big", "ParcelHead")),
    ("opening", "worker/a.h", "#pragma once"),
    ("top level", "notes.txt", ""),
    ("reading list", "common/README.md", COMMON_PAGE.replace("spawn.cc", "gone.cc")),
    ("reading list", "common/README.md", COMMON_PAGE.replace("1. ", "Read ")),
    ("first page", "README.md", README + "\n" * layout_rules.MAX_README_LINES),
    ("link", "README.md", README + "[gone](master/gone.md)"),
    ("link", "README.md", README + "[outside](../a.md)"),
    ("link", "README.md", README + "[nowhere](#nowhere)"),
    ("link", "common/README.md", COMMON_PAGE + "[gone](README.md/gone)"),
    ("link", "common/README.md", COMMON_PAGE + "[nowhere](../master/README.md#nowhere)"),
    ("page", "worker/README.md", "# A page that nobody finds"),
)


def all_rules():
    tables = {place.what for place in layout_rules.HEADERS + layout_rules.CALLS}
    return tables | {"direction", "json in a header", "size", "columns", "class", "opening", "top level", "reading list",
                     "first page", "link", "page", "folder"}


def findings_in(files):
    with tempfile.TemporaryDirectory() as folder:
        for path, text in files.items():
            Path(folder, path).parent.mkdir(parents=True, exist_ok=True)
            Path(folder, path).write_text(text)
        return check_tree(folder)


class Rules(unittest.TestCase):
    def test_a_tree_without_fault_passes(self):
        self.assertEqual(findings_in(GOOD), [])

    def test_each_fault_is_found_where_it_is(self):
        for rule, path, text in BAD:
            with self.subTest(rule=rule, path=path, text=text[:60]):
                findings = findings_in({**GOOD, path: text + "\n"})
                self.assertEqual({finding.rule for finding in findings}, {rule})
                self.assertTrue(all(finding.where.startswith(path) for finding in findings), findings)

    def test_a_missing_top_level_entry_is_found(self):
        files = {path: text for path, text in GOOD.items() if path != "README.md"}
        self.assertEqual([finding.where for finding in findings_in(files)], ["README.md"])

    def test_a_page_without_its_reading_lists_is_found(self):
        findings = findings_in({**GOOD, "common/README.md": COMMON_PAGE.split("1.")[0]})
        self.assertEqual([(finding.rule, finding.where) for finding in findings],
                         [("reading list", "common/README.md")])

    def test_a_missing_page_of_reading_lists_is_found(self):
        files = {path: text for path, text in GOOD.items() if path != "common/README.md"}
        self.assertEqual({finding.rule for finding in findings_in(files)}, {"reading list", "link"})

    def test_a_folder_of_too_many_files_is_found(self):
        files = {f"worker/http/a{i}.cc": "" for i in range(layout_rules.MAX_FILES + 1)}
        self.assertEqual([(finding.rule, finding.where) for finding in findings_in({**GOOD, **files})],
                         [("folder", "worker/http")])

    def test_the_line_is_named(self):
        findings = findings_in({**GOOD, "worker/a.cc": "/* one\n two */\nvoid f() {\n  ::fork();\n}\n"})
        self.assertEqual([finding.where for finding in findings], ["worker/a.cc:4"])

    def test_no_rule_is_without_a_fault_that_breaks_it(self):
        self.assertEqual(all_rules() - {"folder"}, {rule for rule, _, _ in BAD})


class ClassSizes(unittest.TestCase):
    def test_declarations_are_told_apart(self):
        for text, methods, members in DECLARATIONS:
            with self.subTest(text=text):
                size = next(class_sizes(f"enum class E {{ kA }};\nclass Big final : public A<B> {{\n{text}\n}};"))
                self.assertEqual((size.name, size.methods, size.members), ("Big", methods, members))

    def test_a_class_in_a_class_counts_for_itself(self):
        sizes = class_sizes("namespace n {\nclass A {\n  struct B { int c; int d; };\n  void F();\n};\nint g;\n}")
        self.assertEqual([(size.name, size.methods, size.members) for size in sizes], [("A", 1, 0), ("B", 0, 2)])


class ThisTree(unittest.TestCase):
    def test_keeps_its_rules(self):
        findings = check_tree(ROOT)
        if findings:
            self.fail("\n" + "\n".join(map(str, findings)))

    def test_has_no_exception_for_a_class_that_needs_none(self):
        large = {f"{source.path}:{size.name}" for source in layout_rules.read_sources(ROOT)
                 for size in class_sizes(source.code) if size.members > layout_rules.MAX_MEMBERS}
        self.assertEqual(set(layout_rules.PLAIN_DATA) - large, set())


if __name__ == "__main__":
    unittest.main()
