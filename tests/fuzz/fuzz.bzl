"""Fuzz targets: each is a test of the ordinary suite, and a fuzzer."""

load("//tools/bazel:cc.bzl", "COPTS", "MISTAKEN_COPTS")

def fuzz_target(name, deps, rounds, corpus = None, srcs = []):
    """NAME_fuzz.cc, which has libFuzzer's interface.

    NAME_fuzz: a test that runs the corpus and `rounds` seeded mutations of it, with any compiler. NAME_fuzzer:
    libFuzzer, with --config=fuzz only; tools/fuzz builds and runs it. `corpus`: its folder in corpus/, if not NAME."""
    files = name + "_corpus"
    native.filegroup(
        name = files,
        srcs = native.glob(["corpus/%s/*" % (corpus or name)]),
        visibility = ["//tests:__subpackages__"],
    )
    native.cc_test(
        name = name + "_fuzz",
        size = "medium",
        srcs = [
            name + "_fuzz.cc",
            "runner.cc",
        ] + srcs,
        args = [
            "--rounds=%d" % rounds,
            "$(locations :%s)" % files,
        ],
        copts = COPTS + MISTAKEN_COPTS,
        data = [":" + files],
        deps = deps + [
            "//common/base",
            "//tools/third_party:fmt",
        ],
    )
    native.cc_binary(
        name = name + "_fuzzer",
        testonly = True,
        srcs = [name + "_fuzz.cc"] + srcs,
        copts = COPTS,
        linkopts = ["-fsanitize=fuzzer"],
        tags = ["manual"],
        deps = deps + [
            "//common/base",
            "//tools/third_party:fmt",
        ],
    )
