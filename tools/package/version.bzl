"""The version in the names of release files, which Bazel needs before it reads any source."""

# The program's own version is in common/about/version.cc; a release whose two versions differ does not build.
VERSION = "0.2.0"
