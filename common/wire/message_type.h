// The four bytes that begin every message: 'P' 'F' version type.
#ifndef PREFORKD_COMMON_WIRE_MESSAGE_TYPE_H_
#define PREFORKD_COMMON_WIRE_MESSAGE_TYPE_H_

#include <cstdint>

#include "common/wire/version.h"

namespace preforkd {

inline constexpr char kMessageMagic[2] = {'P', 'F'};

enum class MessageType : std::uint8_t {
  kHandOver = 1,
  kReopenLog = 2,
  kNudge = 3,
  kReady = 16,
  kReplaceMe = 17,
  kHandBack = 18,
  kLogReopened = 19,
  kThreadFree = 20,
};

// `message` has room for the four bytes.
inline void PutPrefix(char* message, MessageType type, WireVersion version) {
  message[0] = kMessageMagic[0];
  message[1] = kMessageMagic[1];
  message[2] = static_cast<char>(version);
  message[3] = static_cast<char>(type);
}
inline WireVersion VersionOf(const char* message) { return static_cast<WireVersion>(message[2]); }
inline MessageType TypeOf(const char* message) { return static_cast<MessageType>(message[3]); }

}  // namespace preforkd

#endif
