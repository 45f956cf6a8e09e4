"""The rules of the tree that no compiler checks: who includes whom, which call is made where, sizes, names.

Each rule yields findings. The tables below are the architecture in short: a new exception is a line here,
with its reason, in the change that needs it.
"""

import re
from pathlib import Path
from typing import NamedTuple

from class_size import class_sizes
from markdown_page import MarkdownPage

TOP_LEVEL = {"WORKSPACE", "BUILD.bazel", "master", "worker", "common", "tests", "tools", "README.md"}
PRODUCT = ("common/", "master/", "worker/")
MAX_LINES = 400
MAX_COLUMNS = 110  # ColumnLimit of .clang-format
MAX_FILES = 30  # C++ files of a folder of the product: more have no order that a reader can see

# Of a class or struct of the product. Cutting its functions into several files makes no difference.
MAX_METHODS = 30
MAX_MEMBERS = 20

# Plain data may have more members, where others write a list of them into memory, a file or a packet.
PLAIN_DATA = {
    "common/scoreboard/scoreboard.h:MasterPage": "the master's page of the scoreboard: its layout in shared memory",
    "common/scoreboard/worker_row.h:WorkerRow": "a worker's row of the scoreboard: its layout in shared memory",
    "common/wire/packed_parcel.h:ParcelHead": "the fixed head of a packed parcel: its layout on the wire",
    "worker/api/module.h:pfd_host": "what a module is offered: its layout is the interface",
    "worker/api/module.h:pfd_module": "what a module offers: the same",
    "master/upgrade/state/upgrade_state.h:UpgradeState": "all that one program hands to the next: one field each",
}

# What a folder, or one file, may include of ours. The longest name that fits decides.
MAY_INCLUDE = {
    "common/": ("common/",),
    "common/text/": ("common/text/",),
    "common/about/": ("common/about/",),
    "common/base/": ("common/base/", "common/text/"),
    "common/structures/": ("common/base/", "common/structures/"),
    "common/net/": ("common/base/", "common/text/", "common/net/"),
    "common/control/": ("common/about/", "common/base/", "common/text/", "common/control/"),
    "common/files/": ("common/base/", "common/files/"),
    "common/units/": ("common/base/", "common/text/", "common/units/"),
    "common/config/": ("common/about/", "common/base/", "common/text/", "common/net/address.h", "common/net/network.h",
                       "common/units/", "common/config/"),
    "common/event/": ("common/about/", "common/base/", "common/event/"),
    "common/wire/": ("common/base/", "common/net/", "common/wire/"),
    "common/tls/": ("common/base/", "common/wire/byte_io.h", "common/tls/"),
    "common/gate/": ("common/base/", "common/config/tls_config.h", "common/gate/"),
    "common/channel/": ("common/base/", "common/wire/", "common/channel/"),
    "common/report/": ("common/about/", "common/base/", "common/text/", "common/scoreboard/",
                       "common/bounds/client_tables.h", "common/gate/certificate_facts.h", "common/report/"),
    "common/bounds/": ("common/base/", "common/structures/", "common/net/address.h", "common/net/network.h",
                       "common/bounds/"),
    "common/scoreboard/": ("common/base/", "common/net/address.h", "common/bounds/", "common/scoreboard/"),
    "master/": ("common/", "master/"),
    "master/policy/": ("common/base/", "common/text/", "common/structures/", "common/config/config.h", "master/policy/"),
    "master/policy/fleet/": ("common/base/", "master/policy/fleet/"),
    "master/policy/change/": ("common/base/", "master/policy/change/"),
    "master/ctl/": ("common/", "master/ctl/"),
    "master/main.cc": PRODUCT,
    "worker/": ("common/", "worker/"),
    "worker/connection/tls/": ("common/about/", "common/base/", "common/tls/", "worker/connection/tls/"),
    "worker/gate/": ("common/", "worker/connection/", "worker/gate/"),
    "worker/gate/describe/": ("common/", "worker/gate/", "worker/process/"),
    "worker/http/syntax/": ("common/net/address.h", "worker/http/syntax/"),
    "worker/http/answer/": ("common/base/", "common/config/setting.h", "common/files/", "common/net/address.h",
                            "common/structures/", "common/text/", "common/tls/tls_facts.h", "worker/connection/",
                            "worker/http/syntax/", "worker/http/answer/"),
    "worker/http/access/": ("common/", "worker/connection/", "worker/http/syntax/", "worker/http/answer/",
                            "worker/http/access/"),
    "worker/http/coding/": ("common/about/", "common/base/", "common/config/", "common/text/", "worker/http/syntax/",
                            "worker/http/answer/", "worker/http/coding/"),
    "worker/services/pages/": ("worker/services/pages/",),  # and <preforkd/...>, as modules of users
    "worker/http/files/": ("common/", "worker/http/syntax/", "worker/http/answer/", "worker/http/coding/",
                           "worker/http/files/"),
    "tests/": ("common/", "master/", "worker/", "tests/"),
    "tools/": (),  # nothing else there is C++ but what follows
    "tools/package/": ("common/about/", "common/config/", "worker/module/module_settings.h", "worker/services/"),
    "tools/benchmark/": ("common/", "master/", "worker/", "tests/support/", "tools/benchmark/"),
}


class Place(NamedTuple):
    """Something that may appear in few places only."""

    what: str
    pattern: str
    within: tuple  # folders and files that the rule is about
    allowed: tuple  # those of them, or parts of them, where it may appear
    why: str


# Patterns are matched against the name that is included.
HEADERS = (
    Place("libevent", r"^event2/|^ev(?:ent|util)\w*\.h$", PRODUCT, ("common/event/",), "the wrappers hide it"),
    Place("doctest", r"doctest", PRODUCT, (), "the product holds no tests"),
    Place("toml++", r"toml\+\+/", PRODUCT + ("tests/",), ("common/config/toml_file.cc",),
          "slow to compile, and one file knows it"),
    Place("CLI11", r"CLI/", PRODUCT + ("tests/",), ("master/options.cc", "master/ctl/ctl_options.cc"), "slow to compile"),
    Place("GnuTLS", r"^gnutls/", PRODUCT, ("worker/gate/",), "only gates make handshakes"),
    Place("OpenSSL", r"^openssl/", PRODUCT, ("worker/connection/tls/",), "the record layer hides it"),
    Place("libcrypt", r"^crypt\.h$", PRODUCT, ("worker/http/access/password_hash.cc",), "it alone makes hashes"),
    Place("zlib or brotli", r"^zlib\.h$|^brotli/", PRODUCT, ("worker/http/coding/compressor.cc",),
          "a compressor hides them"),
    Place("a system header in the record layer", r"sys/|linux/|netinet/|unistd\.h|fcntl\.h|signal\.h|poll\.h",
          ("worker/connection/tls/", "common/tls/"), (), "the record layer is pure: bytes in, bytes out"),
    Place("a system header in the policy", r"sys/|linux/|netinet/|unistd\.h|fcntl\.h|signal\.h|poll\.h",
          ("master/policy/",), (), "the policy is pure: a table, an event and a time in, actions out"),
)

# Patterns are matched against code without comments and literals.
CALLS = (
    Place("sendmsg or recvmsg", r"\b(?:sendmsg|recvmsg|sendmmsg|recvmmsg)\s*\(", PRODUCT,
          ("common/channel/fd_message.cc",), "one file passes descriptors"),
    Place("close", r"::close\s*\(|(?<![\w.>:])close\s*\(\s*\w*fd", PRODUCT, ("common/base/unique_fd.cc",),
          "UniqueFd owns descriptors"),
    Place("close_range", r"\bclose_range\s*\(", PRODUCT, ("master/system/leftovers.cc", "worker/process/child_setup.cc"),
          "the first page of the master and that of a child drop what they inherited, nobody else may"),
    Place("fork", r"(?<![\w.>])v?fork\s*\(", PRODUCT, ("master/system/spawn.cc",), "one file makes processes"),
    Place("exec", r"\bf?exec(?:v|l|ve|vp|vpe|le|lp|veat)\s*\(", PRODUCT,
          ("master/upgrade/preflight.cc", "master/upgrade/replace.cc", "master/upgrade/way_back.cc"),
          "only an upgrade runs another program: who looks at one, who becomes one, who returns to one"),
    Place("sleep", r"\b(?:sleep|usleep|nanosleep|clock_nanosleep|sleep_for|sleep_until)\s*\(", PRODUCT, (),
          "the loop waits, nobody else"),
    Place("reading in the master", r"::recv(?:from)?\s*\(|::readv?\s*\(|\bbufferevent_", ("master/",),
          ("master/system/daemonize.cc", "master/control/control_client.cc", "master/ctl/", "master/upgrade/preflight.cc",
           "master/system/trial_child.cc", "master/modules/try_request.cc"),
          "the master reads no client byte; the operator's commands are no clients, and who waits for a daemon, for a "
          "program or a module that is tried, or for the answer of --try reads that"),
    Place("writing the account",
          r"\b(?:Add|Set)\s*\(\s*(?:\w+(?:\(\))?(?:\.|->))+"
          r"(?:waiting|parked|lost|lost_by|closed_parked|finished_before|handed_over|handed_back|reclaimed|taken|"
          r"finished|returned)\b(?!_)",
          PRODUCT, ("common/scoreboard/ledger.cc",),
          "the ledger moves connections from one place to another, nobody else"),
    Place("exit with a number", r"(?<![\w.>])_?[eE]xit\s*\(\s*-?\d", PRODUCT, (),
          "exit_code.h names what a status means"),
    Place("log text", r"\bLog\(\)\s*\.\s*(?:find|rfind|contains|starts_with|ends_with)\b|\bContains\(\s*\w+\.Log\(\)"
          r"|\b(?:CountLog|WaitForLog|ExpectLine)\s*\(|\bLinesWith\(\s*\w+\.Log\(\)", ("tests/",), (),
          "a line may be reworded: match its event and fields (tests/support/log_oracle.h)"),
)

# Each is a section of that page with an ordered list of files to read.
READING_LISTS = {
    "The life of a connection": "master/README.md",
    "The life of a TLS connection": "master/README.md",
    "The life of a worker": "master/README.md",
    "The life of an upgrade": "master/README.md",
    "The life of a configuration value": "common/README.md",
}

# README.md is read first. What does not fit belongs on the page of its folder.
MAX_README_LINES = 150


class Finding(NamedTuple):
    rule: str
    where: str
    text: str

    def __str__(self):
        return f"{self.where}: {self.text}"


# Comments, raw strings, strings and characters. A ' after a letter or digit separates digits.
_NOT_CODE = re.compile(
    r"//[^\n]*"
    r"|/\*.*?\*/"
    r'|R"(?P<delimiter>[^(\s]*)\(.*?\)(?P=delimiter)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<!\w)'(?:\\.|[^'\\\n])*'",
    re.DOTALL,
)
_INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.MULTILINE)


class Source:
    """One C++ file: its text, its code with comments and literals blanked, its includes."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        # Line numbers stay what they were.
        self.code = _NOT_CODE.sub(lambda match: "\n" * match[0].count("\n"), text)
        self.includes = [(match[2], match[1] == '"', self.at(text, match.start(2)))
                         for match in _INCLUDE.finditer(text)]

    def at(self, text, offset):
        return f"{self.path}:{text.count(chr(10), 0, offset) + 1}"

    def within(self, places):
        return self.path.startswith(tuple(places))  # "a/b.cc" and "a/" both fit by their beginning


def read_sources(root):
    folders = sorted({folder.split("/")[0] for folder in MAY_INCLUDE})
    paths = [path for folder in folders for path in (root / folder).rglob("*") if path.suffix in (".h", ".cc")]
    return [Source(path.relative_to(root).as_posix(), path.read_text(errors="replace")) for path in sorted(paths)]


def check_include_directions(source):
    place = max((place for place in MAY_INCLUDE if source.path.startswith(place)), key=len)
    allowed = MAY_INCLUDE[place]
    for name, quoted, where in source.includes:
        if quoted and not name.startswith(allowed):
            yield Finding("direction", where, f"{place} may not include {name}, only {' '.join(allowed)}")


def check_headers(source):
    for place in HEADERS:
        if not source.within(place.within) or source.within(place.allowed):
            continue
        for name, _, where in source.includes:
            if re.search(place.pattern, name):
                yield Finding(place.what, where, f"{name}: {_only_in(place)}")


def check_calls(source):
    for place in CALLS:
        if not source.within(place.within) or source.within(place.allowed):
            continue
        for match in re.finditer(place.pattern, source.code):
            yield Finding(place.what, source.at(source.code, match.start()), f"{match[0]}...): {_only_in(place)}")


def _only_in(place):
    return f"{'only in ' + ' '.join(place.allowed) if place.allowed else 'nowhere here'}: {place.why}"


def check_json_in_headers(source):
    for name, _, where in source.includes:
        if source.path.endswith(".h") and name.startswith("nlohmann/"):
            yield Finding("json in a header", where, f"{name}: in .cc files only, it is slow to compile")


def check_size(source):
    lines = source.text.count("\n")
    if source.within(PRODUCT) and lines > MAX_LINES:
        yield Finding("size", source.path, f"{lines} lines, at most {MAX_LINES}: it does more than one thing")


def check_classes(source):
    if not source.within(PRODUCT):
        return
    for size in class_sizes(source.code):
        limits = [("methods", size.methods, MAX_METHODS)]
        if f"{source.path}:{size.name}" not in PLAIN_DATA:
            limits.append(("data members", size.members, MAX_MEMBERS))
        for what, count, most in limits:
            if count > most:
                yield Finding("class", source.at(source.code, size.offset),
                              f"{size.name} has {count} {what}, at most {most}: find the classes that are in it")


_RAW_STRING = re.compile(r'R"(?P<delimiter>[^(\s]*)\(.*?\)(?P=delimiter)"', re.DOTALL)


def check_columns(source):
    # What a raw string holds is not ours to break.
    text = _RAW_STRING.sub(lambda match: "\n" * match[0].count("\n"), source.text)
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > MAX_COLUMNS:
            yield Finding("columns", f"{source.path}:{number}",
                          f"{len(line)} columns, at most {MAX_COLUMNS}: clang-format -i {source.path}")


def check_opening(source):
    if source.path.endswith(".h") and not source.text.startswith(("//", "/*")):  # C
        yield Finding("opening", f"{source.path}:1", "a header begins with what it is and who owns what")


SOURCE_RULES = (check_include_directions, check_headers, check_calls, check_json_in_headers, check_size,
                check_columns, check_classes, check_opening)


def check_top_level(root):
    # bazel-* are the links that Bazel makes.
    visible = {path.name for path in root.iterdir() if not path.name.startswith((".", "bazel-"))}
    for name in sorted(visible - TOP_LEVEL):
        yield Finding("top level", name, "does not belong at the top level; put it inside a folder")
    for name in sorted(TOP_LEVEL - visible):
        yield Finding("top level", name, "is missing")


def section_of(markdown, title):
    """The lines below a heading, up to the next one."""
    match = re.search(rf"^#+ {re.escape(title)}\s*$(.*?)(?=^#|\Z)", markdown, re.MULTILINE | re.DOTALL)
    return match[1] if match else ""


def check_reading_lists(root):
    for title, page in READING_LISTS.items():
        text = (root / page).read_text() if (root / page).is_file() else ""
        steps = re.findall(r"^ *\d+\. .*(?:\n +\S.*)*", section_of(text, title), re.MULTILINE)
        paths = [path for step in steps for path in re.findall(r"`(\w[\w.-]*/[\w./-]+)`", step)]
        if not paths:
            yield Finding("reading list", page, f"'{title}' has no ordered list of files")
        for path in paths:
            if not (root / path).exists():
                yield Finding("reading list", page, f"'{title}' names {path}, which does not exist")


def read_pages(root):
    paths = [path for top in sorted(TOP_LEVEL) for path in [root / top, *(root / top).rglob("*")]
             if path.suffix == ".md" and path.is_file()]
    pages = [MarkdownPage(path.relative_to(root).as_posix(), path.read_text()) for path in paths]
    return {page.path: page for page in pages}


def check_links(root):
    pages = read_pages(root)
    for page in pages.values():
        for link, where in page.links:
            path, anchor = page.target(link)
            if path is None or not (root / path).exists():
                yield Finding("link", where, f"{link} leads to no file of the tree")
            elif anchor and path in pages and anchor not in pages[path].anchors:
                yield Finding("link", where, f"{link} leads to no heading of {path}")


def check_map_of_pages(root):
    pages = read_pages(root)
    readme = pages.pop("README.md", None)
    if not readme:
        return  # the top level's finding
    lines = readme.text.count("\n")
    if lines > MAX_README_LINES:
        yield Finding("first page", "README.md",
                      f"{lines} lines, at most {MAX_README_LINES}: move some to a page that it links")
    linked = {readme.target(link)[0] for link, _ in readme.links}
    for path in sorted(set(pages) - linked):
        yield Finding("page", path, "README.md has no link to it")


def check_folders(root):
    for folder in sorted({path.parent for top in PRODUCT for path in (root / top).rglob("*.cc")}):
        files = [path for path in folder.iterdir() if path.suffix in (".h", ".cc")]
        if len(files) > MAX_FILES:
            yield Finding("folder", folder.relative_to(root).as_posix(),
                          f"{len(files)} files, at most {MAX_FILES}: split it into folders that a reader can name")


TREE_RULES = (check_top_level, check_reading_lists, check_links, check_map_of_pages, check_folders)


def check_tree(root):
    root = Path(root)
    findings = [finding for rule in TREE_RULES for finding in rule(root)]
    for source in read_sources(root):
        findings += [finding for rule in SOURCE_RULES for finding in rule(source)]
    return findings
