// Compression: what one service needs to compress the answers of its handlers. It decides by the rules and by
// what the client takes, and changes the answer: the body, Content-Encoding, Vary, and the tag, which becomes
// weak, because the same page is other bytes then.
//
// Owned by the service, used within one callback. Only a streamed answer has a compressor of its own.
#ifndef PREFORKD_WORKER_HTTP_CODING_COMPRESSION_H_
#define PREFORKD_WORKER_HTTP_CODING_COMPRESSION_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "worker/http/answer/answer_rules.h"
#include "worker/http/answer/response.h"
#include "worker/http/coding/accept_encoding.h"
#include "worker/http/coding/compress_rules.h"
#include "worker/http/coding/compressor.h"
#include "worker/http/syntax/request.h"

namespace preforkd::http {

// A larger whole body is sent as it is, because everybody else waits meanwhile: so much text takes the loop
// thread 4 ms with gzip, 2 ms with brotli.
inline constexpr std::uint64_t kMaxCompressed = 512 * 1024;

class Compression {
 public:
  // A whole answer. `place`: the fields that it gets from its place; nullptr: none.
  void Apply(const CompressRules& rules, const AnswerRules* place, const HttpRequest& request,
             HttpResponse& response);
  // The head of a streamed answer. nullptr: its pieces are sent as they are. `bodiless`: there are none.
  std::unique_ptr<Compressor> Begin(const CompressRules& rules, const AnswerRules* place,
                                    const HttpRequest& request, HttpResponse& head, bool bodiless);
  // A piece for the client, in memory that is valid until the next call.
  std::string_view Piece(Compressor& compressor, std::string_view piece, Compressor::Step step);

 private:
  std::string out_;  // kept, so that an answer takes no memory for it
  // Of whole bodies; made when they are needed first.
  std::array<std::unique_ptr<Compressor>, kCodings> whole_;
};

}  // namespace preforkd::http

#endif
