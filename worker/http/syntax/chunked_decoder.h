// ChunkedDecoder: decodes a request body in chunked coding (RFC 9112 section 7.1).
//
// A size is hexadecimal digits followed directly by CR or an extension; every line ends in CRLF. Overhead is
// limited: a body of one-byte chunks, a huge extension and an endless trailer are refused. Extensions and
// trailer fields are checked and discarded. Pure. Never reads a byte beyond the end of the body.
#ifndef PREFORKD_WORKER_HTTP_SYNTAX_CHUNKED_DECODER_H_
#define PREFORKD_WORKER_HTTP_SYNTAX_CHUNKED_DECODER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "worker/http/syntax/chunk_extension.h"

namespace preforkd::http {

class ChunkedDecoder {
 public:
  enum class State {
    kMore,  // all input was used; the body continues
    kDone,  // the body is complete
    kMalformed,
    kTooLarge,  // more data than allowed, or far more overhead than data
  };

  explicit ChunkedDecoder(std::uint64_t max_body) : max_body_(max_body) {}

  // Uses bytes of `input`, appends data to `body`, and sets `used` to the number of bytes used.
  State Feed(std::string_view input, std::string& body, std::size_t& used);

 private:
  enum class Step {
    kSizeStart,
    kSize,
    kExtension,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailerStart,
    kTrailerName,
    kTrailerValue,
    kTrailerLf,
    kEndLf,
    kDone,
    kMalformed,
    kTooLarge,
  };

  [[nodiscard]] State Outcome() const;
  // Processes one byte that is not data.
  Step Next(char c);
  Step OnSize(char c);
  Step OnExtension(char c);
  Step OnTrailer(char c);

  std::uint64_t max_body_;
  std::uint64_t received_ = 0;  // data bytes of all chunks
  std::uint64_t left_ = 0;      // data bytes missing in the current chunk
  std::uint64_t overhead_ = 0;  // bytes that are not data
  std::size_t line_ = 0;        // digits of the size, or bytes of the trailer, so far
  ChunkExtension extension_;    // of the current chunk
  Step step_ = Step::kSizeStart;
};

}  // namespace preforkd::http

#endif
