// ChunkedDecoder: the body of a request in chunked coding (RFC 9112 section 7.1), decoded byte-exactly.
//
// A size is hexadecimal digits at once followed by CR or an extension, every line ends in CRLF, and what
// surrounds the data is bounded: a body of one-byte chunks, an extension of a gigabyte and a trailer without
// end are refused. Extensions and trailer fields are checked and forgotten. Pure. Never reads a byte behind
// the end of the body.
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
    kMore,  // everything given has been used; the body goes on
    kDone,  // the body is complete
    kMalformed,
    kTooLarge,  // more data than allowed, or far more packaging than data
  };

  explicit ChunkedDecoder(std::uint64_t max_body) : max_body_(max_body) {}

  // Uses bytes of `input`, appends data to `body`, says how many bytes it used in `used`.
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
  // One byte that is not data.
  Step Next(char c);
  Step OnSize(char c);
  Step OnExtension(char c);
  Step OnTrailer(char c);

  std::uint64_t max_body_;
  std::uint64_t received_ = 0;  // data, all chunks
  std::uint64_t left_ = 0;      // of the chunk at hand
  std::uint64_t overhead_ = 0;  // bytes that are not data
  std::size_t line_ = 0;        // digits of the size, or bytes of the trailer, so far
  ChunkExtension extension_;    // of the chunk at hand
  Step step_ = Step::kSizeStart;
};

}  // namespace preforkd::http

#endif
