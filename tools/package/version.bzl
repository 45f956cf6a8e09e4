"""The version in the names of release files, which Bazel needs before it reads any source."""

# The program's own version is in common/about/version.cc, what changed in CHANGELOG; a release in which the three differ
# does not build.
VERSION = "0.2.0"

# For tests of upgrades: the same programs with another version (next_version.cc).
NEXT_VERSION = "0.2.1~next"
