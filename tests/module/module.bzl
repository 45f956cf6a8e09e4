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

def module_test(name, modules, srcs = [], server = False, later = False, deps = []):
    """NAME.cc, and `srcs`, on the kit. `modules`: those that it loads.

    `server`: it also starts the real one. `later`: and the one that acts as a later version.
    """
    programs = {}
    if server:
        programs["PREFORKD"] = "//:preforkd"
    if later:
        # Not PREFORKD_...: the server takes that for a key.
        programs["LATER_PREFORKD"] = "//tests/module/later:preforkd_later"
    pf_test(
        name = name,
        srcs = [name + ".cc"] + srcs,
        data = [":" + each + ".so" for each in modules] + programs.values(),
        env = {variable: "./$(rootpath %s)" % program for variable, program in programs.items()},
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
