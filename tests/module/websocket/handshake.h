// accept(): the answer to a WebSocket handshake (RFC 6455 section 4.2): 101, or why not.
#ifndef PREFORKD_TESTS_MODULE_WEBSOCKET_HANDSHAKE_H_
#define PREFORKD_TESTS_MODULE_WEBSOCKET_HANDSHAKE_H_

#include <nettle/base64.h>
#include <nettle/sha1.h>

#include <cstdint>
#include <preforkd/module.hpp>
#include <string>
#include <string_view>

namespace websocket {

// base64(SHA-1(key + the GUID of RFC 6455)): it only shows that the server knows WebSocket.
inline std::string accept_key(std::string_view key) {
  constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  sha1_ctx hash;
  sha1_init(&hash);
  sha1_update(&hash, key.size(), reinterpret_cast<const std::uint8_t*>(key.data()));
  sha1_update(&hash, kGuid.size(), reinterpret_cast<const std::uint8_t*>(kGuid.data()));
  std::uint8_t digest[SHA1_DIGEST_SIZE];
  sha1_digest(&hash, sizeof(digest), digest);
  std::string encoded(BASE64_ENCODE_RAW_LENGTH(sizeof(digest)), '\0');
  base64_encode_raw(encoded.data(), sizeof(digest), digest);
  return encoded;
}

// 16 bytes in base64.
inline bool is_key(std::string_view key) {
  base64_decode_ctx context;
  base64_decode_init(&context);
  std::uint8_t bytes[BASE64_DECODE_LENGTH(24)];
  std::size_t size = sizeof(bytes);
  return key.size() == 24 && base64_decode_update(&context, &size, bytes, key.size(), key.data()) == 1 &&
         base64_decode_final(&context) == 1 && size == 16;
}

// `luggage`: what the session begins with. The server answers 426 to a client that asks for no WebSocket.
inline pfd::Response accept(const pfd::Request& request, std::string luggage) {
  if (!request.field("upgrade")) return pfd::upgrade("websocket", std::move(luggage));
  if (request.field("sec-websocket-version") != "13") {
    return pfd::status(400, "only version 13").field("sec-websocket-version", "13");
  }
  const std::string_view key = request.field("sec-websocket-key").value_or("");
  if (!is_key(key)) throw pfd::HttpError(400, "no key");
  return pfd::upgrade("websocket", std::move(luggage)).field("sec-websocket-accept", accept_key(key));
}

}  // namespace websocket

#endif
