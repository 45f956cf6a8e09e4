// Decoders of content codings, for what a server has compressed. A body that is not complete yet is decoded
// as far as it goes.
#ifndef PREFORKD_TESTS_LOOPBACK_HTTP_DECODERS_H_
#define PREFORKD_TESTS_LOOPBACK_HTTP_DECODERS_H_

#include <brotli/decode.h>
#include <zlib.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

namespace preforkd::testing {

struct Decoded {
  std::string text;
  bool complete = false;  // and nothing is behind it
  bool broken = false;
};

inline Decoded Gunzip(std::string_view bytes) {
  Decoded decoded;
  z_stream stream{};
  if (::inflateInit2(&stream, 15 + 16) != Z_OK) return {"", false, true};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  int result = Z_OK;
  std::array<char, 4096> room;
  do {
    stream.next_out = reinterpret_cast<Bytef*>(room.data());
    stream.avail_out = room.size();
    result = ::inflate(&stream, Z_SYNC_FLUSH);
    decoded.text.append(room.data(), room.size() - stream.avail_out);
  } while (result == Z_OK && stream.avail_out == 0);
  decoded.complete = result == Z_STREAM_END && stream.avail_in == 0;
  decoded.broken = result != Z_STREAM_END && result != Z_OK && result != Z_BUF_ERROR;
  ::inflateEnd(&stream);
  return decoded;
}

inline Decoded Unbrotli(std::string_view bytes) {
  Decoded decoded;
  const std::unique_ptr<BrotliDecoderState, void (*)(BrotliDecoderState*)> state(
      ::BrotliDecoderCreateInstance(nullptr, nullptr, nullptr), ::BrotliDecoderDestroyInstance);
  std::size_t left = bytes.size();
  const auto* next = reinterpret_cast<const std::uint8_t*>(bytes.data());
  BrotliDecoderResult result = BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT;
  // It may ask for more input while it still has output.
  while (result == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT ||
         ::BrotliDecoderHasMoreOutput(state.get()) != 0) {
    std::array<std::uint8_t, 4096> room;
    std::size_t free = room.size();
    std::uint8_t* to = room.data();
    result = ::BrotliDecoderDecompressStream(state.get(), &left, &next, &free, &to, nullptr);
    decoded.text.append(reinterpret_cast<const char*>(room.data()), room.size() - free);
  }
  decoded.complete = result == BROTLI_DECODER_RESULT_SUCCESS && left == 0;
  decoded.broken = result == BROTLI_DECODER_RESULT_ERROR;
  return decoded;
}

}  // namespace preforkd::testing

#endif
