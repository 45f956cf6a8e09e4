"""The software bill of materials: which third-party libraries the programs depend on is read from the build graph."""

LibraryUses = provider(
    "The targets of //tools/third_party that a target depends on.",
    fields = {"names": "depset of their names"},
)

def _uses_impl(target, ctx):
    own = [target.label.name] if target.label.package == "tools/third_party" else []
    deps = [dep[LibraryUses].names for dep in getattr(ctx.rule.attr, "deps", []) if LibraryUses in dep]
    return [LibraryUses(names = depset(own, transitive = deps))]

_uses = aspect(
    implementation = _uses_impl,
    attr_aspects = ["deps"],
    doc = "Follows deps down to the libraries.",
)

def _sbom_impl(ctx):
    words = ctx.actions.args()
    words.add(ctx.attr.version, format = "--version=%s")
    for program in ctx.attr.programs:
        words.add("--program")
        words.add(program[DefaultInfo].files_to_run.executable)
        words.add_all(program[LibraryUses].names, before_each = "--uses")
    for package in ctx.files.packages:
        words.add(package, format = "--package=%s")
    words.add(ctx.file.libraries, format = "--libraries=%s")
    words.add(ctx.file.changelog, format = "--changelog=%s")
    words.add(ctx.outputs.out, format = "--out=%s")
    # With dpkg's records, the versions in the bill change with the packages.
    inputs = ctx.files.programs + ctx.files.packages + [ctx.file._dpkg_status]
    ctx.actions.run(
        executable = "/usr/bin/python3",
        arguments = [ctx.file._maker.path, words],
        inputs = inputs + [ctx.file._maker, ctx.file._changelog_reader, ctx.file.libraries, ctx.file.changelog],
        outputs = [ctx.outputs.out],
        mnemonic = "Sbom",
        progress_message = "Writing the bill of materials",
        use_default_shell_env = True,
    )

sbom = rule(
    implementation = _sbom_impl,
    doc = "SPDX 2.3 as JSON.",
    attrs = {
        "version": attr.string(mandatory = True),
        "programs": attr.label_list(aspects = [_uses], mandatory = True),
        "packages": attr.label_list(allow_files = True, mandatory = True),
        "libraries": attr.label(allow_single_file = [".json"], mandatory = True),
        "changelog": attr.label(allow_single_file = True, mandatory = True),
        "out": attr.output(mandatory = True),
        "_dpkg_status": attr.label(default = "@dpkg//:status", allow_single_file = True),
        "_maker": attr.label(default = ":sbom.py", allow_single_file = True),
        "_changelog_reader": attr.label(default = ":changelog.py", allow_single_file = True),
    },
)
