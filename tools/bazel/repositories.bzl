"""External repositories: Debian's folders, and stand-ins for what Bazel would download."""

def preforkd_repositories():
    """Declares every external repository of the workspace; none is fetched from the network."""

    # Bazel's own C++ toolchain files load @rules_cc. Debian's bazel-rules-cc does not fit Bazel 4.2.3, so ours maps
    # the five rules to the native ones.
    native.local_repository(
        name = "rules_cc",
        path = "tools/bazel/rules_cc",
    )

    # cc_test needs the coverage tools even if coverage is off.
    native.local_repository(
        name = "remote_coverage_tools",
        path = "tools/bazel/remote_coverage_tools",
    )

    # What is installed on this machine, for what goes into the image and the bill of materials.
    native.new_local_repository(
        name = "dpkg",
        path = "/var/lib/dpkg",
        build_file_content = 'exports_files(["status"])',
    )

    # Read when toolchains are resolved (Debian package bazel-rules-java).
    native.local_repository(
        name = "rules_java",
        path = "/usr/share/bazel/rules/java",
    )
