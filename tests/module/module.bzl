"""Modules of the tests: shared objects, built as their users build them."""

load("//tools/bazel:cc.bzl", "COPTS")

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
