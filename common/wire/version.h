// The version of the wire: which layout of messages.h two processes speak.
//
// A worker outlives the program that forked it when that is upgraded in place. The new master speaks with it
// in the version that the worker was born with, and every channel knows its own (ChannelEnd). To change a
// layout or a meaning, add a version, and let codec.cc go on writing and reading those before, back to
// kOldestWireVersion. The promise that a program takes over from the one before begins with program version
// 0.2.0, which speaks version 4.
#ifndef PREFORKD_COMMON_WIRE_VERSION_H_
#define PREFORKD_COMMON_WIRE_VERSION_H_

#include <cstdint>

namespace preforkd {

enum class WireVersion : std::uint8_t {};

inline constexpr WireVersion kWireVersion{4};
inline constexpr WireVersion kOldestWireVersion{4};

[[nodiscard]] constexpr bool IsSpoken(WireVersion version) {
  return version >= kOldestWireVersion && version <= kWireVersion;
}

}  // namespace preforkd

#endif
