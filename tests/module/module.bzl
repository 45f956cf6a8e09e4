"""Modules of the tests: shared objects, built as their users build them."""

load("//tools/bazel:cc.bzl", "COPTS", "pf_test")

def module(name, srcs = None, copts = [], deps = [], linkopts = []):
    """NAME.so, of NAME.cc."""
    native.cc_binary(
        name = name + ".so",
        testonly = True,
        srcs = srcs or [name + ".cc"],
        copts = COPTS + copts,
        linkopts = linkopts,
        linkshared = True,
        deps = deps + ["//worker/api:preforkd"],
    )

def module_test(name, modules, srcs = [], server = False):
    """NAME.cc, and `srcs`, on the kit. `modules`: those that it loads. `server`: it also starts the real one."""
    pf_test(
        name = name,
        srcs = [name + ".cc"] + srcs,
        data = [":" + each + ".so" for each in modules] + (["//:preforkd"] if server else []),
        env = {"PREFORKD": "./$(rootpath //:preforkd)"} if server else {},
        linkopts = [
            "-ldl",
            "-pthread",
        ],
        deps = [
            ":paths",
            "//tools/third_party:doctest",
            "//worker/api:preforkd",
        ],
    )
