"""C++ rules of this tree: one list of warnings, one place that says who may use which library."""

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
        "//common/control:__pkg__",
        "//common/report:__pkg__",
        "//master/ctl:__pkg__",
        "//master/upgrade:__pkg__",
        "//tests:__subpackages__",
    ],
    "seccomp": [
        "//common/process:__pkg__",
        "//tests:__subpackages__",
        "//worker:__pkg__",
    ],
    "llhttp": ["//worker/http:__pkg__"],
}

def pf_library(name, copts = [], **kwargs):
    """cc_library with the warnings of this tree. Nobody links it dynamically, so no shared object is made of it."""
    native.cc_library(name = name, copts = COPTS + copts, linkstatic = True, **kwargs)

def pf_binary(name, copts = [], linkopts = [], **kwargs):
    """cc_binary with the warnings of this tree; libstdc++ and libgcc stay dynamic, as Debian wants.

    Its functions are in the dynamic symbol table, so that a backtrace in the log has names."""
    native.cc_binary(name = name, copts = COPTS + copts, linkopts = linkopts + ["-rdynamic"], **kwargs)

def pf_test(name, deps = [], copts = [], **kwargs):
    """cc_test that brings doctest's main, so that a test file holds test cases only."""
    native.cc_test(
        name = name,
        copts = COPTS + copts,
        deps = deps + ["//tests/support:doctest_main"],
        **kwargs
    )
