// Compressor: a content coding as bytes in, bytes out. The only place that knows zlib and brotli.
//
// It runs on the loop thread, so it is fast rather than thorough. A MiB of source text, CPU time of one core:
//
//   gzip 1    7.6 ms   33 %      gzip 6    25.6 ms   26 %
//   brotli 1  3.3 ms   33 %      brotli 4  10.0 ms   28 %
//
// A stream of events of 60 bytes each becomes a quarter with gzip. Brotli at this level looks for nothing
// that an earlier piece had, so such a stream grows by a twentieth. A compressor of a stream holds 72 KB with
// gzip, 10 KB with brotli while pieces are short.
#ifndef PREFORKD_WORKER_HTTP_CODING_COMPRESSOR_H_
#define PREFORKD_WORKER_HTTP_CODING_COMPRESSOR_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/about/about.h"
#include "worker/http/coding/accept_encoding.h"

namespace preforkd::http {

class Compressor {
 public:
  enum class Step {
    kFlush,   // the other end can decode all that was put in so far
    kFinish,  // there is no more; only Restart may follow
  };

  virtual ~Compressor() = default;
  // Appends what came out to `out`.
  virtual void Put(std::string_view bytes, Step step, std::string& out) = 0;
  // Begins another body, with the same memory where the library can do that.
  virtual void Restart() = 0;
};

enum class BodyKind {
  kWhole,     // one at a time: its memory is kept by the service
  kStreamed,  // there may be thousands: a smaller window
};

// Precondition: gzip or brotli.
std::unique_ptr<Compressor> MakeCompressor(Coding coding, BodyKind kind);

// zlib and brotli.
std::vector<LibraryVersion> CompressorLibraries();

}  // namespace preforkd::http

#endif
