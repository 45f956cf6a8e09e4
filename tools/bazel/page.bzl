"""Pages of one file, made of several at build time (embed_page.py)."""

def embedded_page(name, template, parts, header, out):
    """C++ that defines what `header` declares: kNAMEHtml, kNAMEPolicy and kNAMETag (embed_page.py)."""
    native.genrule(
        name = out + "_gen",
        srcs = [template] + parts,
        outs = [out],
        cmd = "python3 $(location //tools/bazel:embed_page.py) $(location {}) {} {} {} >$@".format(
            template,
            header,
            name,
            " ".join(["$(location {})".format(part) for part in parts]),
        ),
        tools = ["//tools/bazel:embed_page.py"],
    )
