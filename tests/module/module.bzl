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

def rust_module(name):
    """NAME.so, of NAME.rs, by the compiler of Debian: one in the PATH may be any."""
    native.genrule(
        name = name + "_module",
        testonly = True,
        srcs = [
            name + ".rs",
            "preforkd.rs",
        ],
        outs = [name + ".so"],
        cmd = "/usr/bin/rustc --edition=2021 --crate-type=cdylib -O -C strip=debuginfo -D warnings " +
              "$(location " + name + ".rs) -o $@",
        message = "Compiling",
    )

def module_test(name, modules, srcs = [], server = False, deps = []):
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
        deps = deps + [
            "//tests/module:paths",
            "//tools/third_party:doctest",
            "//worker/api:preforkd",
        ],
    )
