"""The public headers of the libraries of this tree, for authors of services."""

def _public_headers_impl(ctx):
    headers = depset(transitive = [dep[CcInfo].compilation_context.headers for dep in ctx.attr.deps])
    ours = [file for file in headers.to_list() if file.owner.workspace_name == ""]
    return [DefaultInfo(files = depset(ours))]

public_headers = rule(
    implementation = _public_headers_impl,
    attrs = {"deps": attr.label_list(providers = [CcInfo])},
)
