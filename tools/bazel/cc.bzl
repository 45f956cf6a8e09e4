"""C++ rules of this tree: one list of warnings, and which package may use which library."""

COPTS = [
    "-Wall",
    "-Wextra",
    "-Wshadow",
    "-Wconversion",
    "-Wsign-conversion",
    "-Wnon-virtual-dtor",
    "-Woverloaded-virtual",
    "-Wcast-align",
    "-Wswitch",
    "-Wundef",
    "-Werror",
]

# Hardening of the optimized build, which is the one we ship. For all builds .bazelrc has the stack protector and
# read-only relocations.
HARDENED_COPTS = select({
    "@preforkd//tools/bazel:optimized": [
        # Bazel's own flags set it to 1; -U keeps gcc from warning about the redefinition.
        "-U_FORTIFY_SOURCE",
        "-D_FORTIFY_SOURCE=2",
        # A growing stack is probed page by page, so that it cannot jump over its guard page.
        "-fstack-clash-protection",
        # Indirect branches may only jump to endbr64, and returns only to their callers.
        "-fcf-protection=full",
    ],
    "//conditions:default": [],
})

# The linker marks a program as fit for CET only if every object file is. In Debian 12 libevent_core.a and the C
# library's start files are not. A shadow stack (SHSTK) only needs code that does not change return addresses, and
# ours does not: we set that mark. Indirect branch tracking (IBT) needs an endbr64 at each target, which libevent's
# callbacks lack: with that mark the program would crash where IBT is enforced. gold, which Bazel uses if it is
# installed, cannot set marks.
HARDENED_LINKOPTS = select({
    "@preforkd//tools/bazel:optimized": [
        "-fuse-ld=bfd",
        "-Wl,-z,shstk",
    ],
    "//conditions:default": [],
})

THIRD_PARTY_USERS = {
    "libevent": ["//common/event:__pkg__"],
    "fmt": ["//:__subpackages__"],
    "doctest": ["//tests:__subpackages__"],
    "tomlplusplus": ["//common/config:__pkg__"],
    "cli11": [
        "//master:__pkg__",
        "//master/ctl:__pkg__",
    ],
    "json": [
        "//common/config:__pkg__",
        "//common/control:__pkg__",
        "//common/gate:__pkg__",
        "//common/report:__pkg__",
        "//master/ctl:__pkg__",
        "//master/upgrade/state:__pkg__",
        "//tests:__subpackages__",
    ],
    "benchmark": ["//tests/micro:__pkg__"],
    "crypt": ["//worker/http/access:__pkg__"],
    "crypto": [
        "//tests:__subpackages__",
        "//worker/connection/tls:__pkg__",
    ],
    "ssl": [
        "//tests:__subpackages__",
        "//tools/benchmark:__pkg__",
    ],
    "gnutls": [
        "//tests:__subpackages__",
        "//worker/gate:__pkg__",
    ],
    "brotli": ["//worker/http/coding:__pkg__"],
    "brotli_decoder": ["//tests:__subpackages__"],
    "zlib": [
        "//tests:__subpackages__",
        "//worker/http/coding:__pkg__",
    ],
    "pistache": ["//tools/benchmark:__pkg__"],
    "seccomp": [
        "//common/process:__pkg__",
        "//tests:__subpackages__",
        "//worker/process:__pkg__",
    ],
}

def pf_library(name, copts = [], **kwargs):
    """cc_library with the warnings of this tree. Always linked statically, so no shared object is built."""
    native.cc_library(name = name, copts = COPTS + copts + HARDENED_COPTS, linkstatic = True, **kwargs)

# The packages that may use a folder of the product. master/ and worker/ never see each other: only a main file sees
# both.
_USERS = {
    "common": ["//:__subpackages__"],
    "master": [
        "//:__pkg__",
        "//master:__subpackages__",
        "//tests:__subpackages__",
        "//tools:__subpackages__",
    ],
    "worker": [
        "//:__pkg__",
        "//tests:__subpackages__",
        "//tools:__subpackages__",
        "//worker:__subpackages__",
    ],
}

def pf_folder(deps = [
    ], srcs = [], **kwargs):
    """One library of all files of a folder of the product, named like the folder. A main.cc belongs to a program.

    `srcs`: those that are generated."""
    package = native.package_name()
    pf_library(
        name = package.split("/")[-1],
        srcs = native.glob(["*.cc"], exclude = ["main.cc"]) + srcs,
        hdrs = native.glob(["*.h"]),
        visibility = _USERS[package.split("/")[0]],
        deps = deps,
        **kwargs
    )

EXPORTED = "//tools/bazel:exported_symbols.txt"

def pf_binary(name, copts = [], linkopts = [], **kwargs):
    """cc_binary with the warnings of this tree; libstdc++ and libgcc stay dynamic, as Debian wants.

    Its functions are in the dynamic symbol table, so that a backtrace in the log has names."""
    native.cc_binary(
        name = name,
        copts = COPTS + copts + HARDENED_COPTS,
        linkopts = linkopts + ["-pie", "-Wl,--dynamic-list=$(location %s)" % EXPORTED] + HARDENED_LINKOPTS,
        additional_linker_inputs = [EXPORTED],
        features = ["-supports_start_end_lib"],  # an option of gold's
        **kwargs
    )

# With optimization, g++ 12 wrongly warns about uninitialised members of an empty std::optional and about overlapping
# arguments of string operator+ (gcc bugs 80635 and 105651).
MISTAKEN_COPTS = select({
    "@preforkd//tools/bazel:optimized": [
        "-Wno-maybe-uninitialized",
        "-Wno-restrict",
    ],
    "//conditions:default": [],
})

def pf_test(name, deps = [
    ], copts = [], **kwargs):
    """cc_test that brings doctest's main, so that a test file holds test cases only."""
    native.cc_test(
        name = name,
        copts = COPTS + copts + MISTAKEN_COPTS,
        deps = deps + ["//tests/support:doctest_main"],
        **kwargs
    )

def pf_tests(deps, names = None, deps_of = {}, **kwargs):
    """One test for each *_test.cc of the folder, or for each of `names`, all with the same `deps`.

    `deps_of` has what single tests need besides, by name."""
    for name in names or [source[:-len(".cc")] for source in native.glob(["*_test.cc"])]:
        pf_test(name = name, srcs = [name + ".cc"], deps = deps + deps_of.get(name, []), **kwargs)
