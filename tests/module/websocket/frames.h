// Frames of a WebSocket client byte by byte, for tests that need what no client library sends; and what a
// server's frames look like.
#ifndef PREFORKD_TESTS_MODULE_WEBSOCKET_FRAMES_H_
#define PREFORKD_TESTS_MODULE_WEBSOCKET_FRAMES_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace preforkd::testing {

inline constexpr int kText = 1;
inline constexpr int kBinary = 2;
inline constexpr int kClose = 8;
inline constexpr int kPing = 9;
inline constexpr int kPong = 10;
inline constexpr int kFin = 0x80;

// `first`: the first byte. The length is written in the shortest way.
inline std::string RawFrame(int first, std::string_view payload, bool masked) {
  std::string frame(1, static_cast<char>(first));
  const char mask_bit = masked ? '\x80' : '\0';
  if (payload.size() < 126) {
    frame += static_cast<char>(mask_bit | static_cast<char>(payload.size()));
  } else if (payload.size() <= 0xffff) {
    frame += static_cast<char>(mask_bit | 126);
    for (const int shift : {8, 0}) frame += static_cast<char>(payload.size() >> shift);
  } else {
    frame += static_cast<char>(mask_bit | 127);
    for (int shift = 56; shift >= 0; shift -= 8) frame += static_cast<char>(payload.size() >> shift);
  }
  if (!masked) return frame.append(payload);
  constexpr std::string_view kMask = "\x12\x34\x56\x78";
  frame += kMask;
  for (std::size_t i = 0; i < payload.size(); ++i) frame += static_cast<char>(payload[i] ^ kMask[i % 4]);
  return frame;
}

// What a client sends, and what it gets.
inline std::string ClientFrame(int opcode, std::string_view payload, bool last = true) {
  return RawFrame((last ? kFin : 0) | opcode, payload, true);
}
inline std::string ServerFrame(int opcode, std::string_view payload) {
  return RawFrame(kFin | opcode, payload, false);
}

// The payload of a close.
inline std::string CloseWith(int code, std::string_view reason = {}) {
  std::string payload = {static_cast<char>(code >> 8), static_cast<char>(code)};
  return payload.append(reason);
}

// The example of RFC 6455 section 1.3.
inline std::string HandshakeFields(std::string_view key = "dGhlIHNhbXBsZSBub25jZQ==") {
  return "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: " +
         std::string(key) + "\r\n";
}
inline constexpr const char* kAcceptOfTheExample = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

}  // namespace preforkd::testing

#endif
