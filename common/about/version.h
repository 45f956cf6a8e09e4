// The version of the program: printed by --version, reported in status and metrics.
#ifndef PREFORKD_COMMON_ABOUT_VERSION_H_
#define PREFORKD_COMMON_ABOUT_VERSION_H_

namespace preforkd {

// Defined in a file of its own, and nowhere else in the library: a program that is linked with another
// definition is the same program with another version (tools/package/next_version.cc).
extern const char* const kVersion;

}  // namespace preforkd

#endif
