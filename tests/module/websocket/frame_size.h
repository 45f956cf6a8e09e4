// frame_size: how long a WebSocket frame is, by its head (RFC 6455 section 5.2). Pure.
#ifndef PREFORKD_TESTS_MODULE_WEBSOCKET_FRAME_SIZE_H_
#define PREFORKD_TESTS_MODULE_WEBSOCKET_FRAME_SIZE_H_

#include <cstdint>
#include <string_view>

namespace websocket {

// Head, mask and payload of the frame that `bytes` begins with; 0: its head is not whole. What a head may say
// is checked by who reads the frame.
inline std::uint64_t frame_size(std::string_view bytes) {
  if (bytes.size() < 2) return 0;
  const auto octet = [bytes](std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); };
  const std::uint64_t mask = (octet(1) & 0x80) != 0 ? 4 : 0;
  std::uint64_t payload = octet(1) & 0x7f;
  const std::size_t extended = payload == 126 ? 2 : payload == 127 ? 8 : 0;
  if (bytes.size() < 2 + extended) return 0;
  if (extended > 0) payload = 0;
  for (std::size_t at = 0; at < extended; ++at) payload = (payload << 8) | octet(2 + at);
  const std::uint64_t head = 2 + extended + mask;
  return payload > UINT64_MAX - head ? UINT64_MAX : head + payload;
}

}  // namespace websocket

#endif
