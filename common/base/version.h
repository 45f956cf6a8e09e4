// The version of the program: printed by --version, reported in status and metrics.
#ifndef PREFORKD_COMMON_BASE_VERSION_H_
#define PREFORKD_COMMON_BASE_VERSION_H_

namespace preforkd {

inline constexpr const char* kVersion = "0.2.0";

}  // namespace preforkd

#endif
