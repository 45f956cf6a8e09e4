// The version of the wire: the layout of messages.h between two processes.
//
// A worker outlives the program that forked it when that is upgraded in place. The new master speaks the
// worker's version with it; every channel knows its own (ChannelEnd). To change a layout or a meaning, add a
// version, and let codec.cc go on writing and reading the earlier ones, back to kOldestWireVersion. The
// promise that a program can be upgraded from the previous one begins with program version 0.2.0, which
// speaks version 4.
#ifndef PREFORKD_COMMON_WIRE_VERSION_H_
#define PREFORKD_COMMON_WIRE_VERSION_H_

#include <cstdint>

namespace preforkd {

enum class WireVersion : std::uint8_t {};

inline constexpr WireVersion kWireVersion{5};
inline constexpr WireVersion kOldestWireVersion{4};
// From this on, a hand-over tells when the connection was parked, and a parcel how long it stays.
inline constexpr WireVersion kRhythmVersion{5};

[[nodiscard]] constexpr bool IsSpoken(WireVersion version) {
  return version >= kOldestWireVersion && version <= kWireVersion;
}

}  // namespace preforkd

#endif
