#include "common/about/version.h"

namespace preforkd {

// Also in tools/package/version.bzl and in tools/package/CHANGELOG; a release that does not agree with itself
// does not build.
constexpr const char* const kVersion = "0.2.0";

}  // namespace preforkd
