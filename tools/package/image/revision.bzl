"""The commit that an image is made from, for its label: a flag, so that a build depends on it only if it is given."""

def _revision_impl(ctx):
    revision = ctx.build_setting_value
    if revision.strip("0123456789abcdef"):
        fail("%s=%s: not the name of a commit" % (ctx.label, revision))
    return [platform_common.TemplateVariableInfo({"REVISION": revision})]

revision = rule(
    implementation = _revision_impl,
    build_setting = config.string(flag = True),
)
