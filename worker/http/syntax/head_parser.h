// HeadParser: parses the head of a request in one pass. Each line is checked and split when its end has
// arrived.
//
// Why no library: this file replaces llhttp, the parser of Node.js. Its Debian version fails with an error of
// its own on input that RFC 9112 requires us to accept (a tab after Content-Length, HTTP/1.2), does not
// report chunk extensions, and accepts bare CR, bare LF and folded lines. So every byte had to be checked
// before llhttp saw it, and finding colons was all that was left for it. Two parsers for one head can
// disagree, which is how requests are smuggled. libhttp-parser is its predecessor, and laxer.
//
// There is one parser per service and worker, shared by its connections; it keeps no state between two heads.
// An incomplete head is parsed again from its start when its next line is complete. A complete head is parsed
// only once, even if its body arrives later (kept_head.h).
//
// If a prefix is refused, everything that begins with it is refused in the same way: it does not matter how
// the bytes were split into packets. Nothing is ever corrected: a request that passes means the same to every
// implementation in front of us or behind us.
#ifndef PREFORKD_WORKER_HTTP_SYNTAX_HEAD_PARSER_H_
#define PREFORKD_WORKER_HTTP_SYNTAX_HEAD_PARSER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "worker/http/syntax/framing.h"
#include "worker/http/syntax/refusal.h"
#include "worker/http/syntax/request.h"

namespace preforkd::http {

struct HeadLimits {
  std::size_t max_bytes = 16 * 1024;  // request line and fields together
  std::size_t max_fields = 100;
};

struct HeadResult {
  enum class Kind { kIncomplete, kComplete, kRefused };
  Kind kind = Kind::kIncomplete;
  std::size_t size = 0;         // kComplete: bytes of the head, including its empty line
  Refusal refusal = kAccepted;  // kRefused
};

struct RequestHead {
  HttpRequest request;  // without body and peer, which are not part of the head
  bool expects_continue = false;
  Framing framing;
};

// Maximum number of empty lines before a request line (RFC 9112 section 2.2).
inline constexpr std::size_t kMaxEmptyLines = 4;
// The number of bytes in complete empty lines (CRLF) at the start of `bytes`.
std::size_t EmptyLineBytes(std::string_view bytes);

class HeadParser {
 public:
  HeadParser(const HeadLimits& limits, std::uint64_t max_body);
  HeadParser(const HeadParser&) = delete;
  HeadParser& operator=(const HeadParser&) = delete;

  // `bytes` start with a request line and may end anywhere.
  HeadResult Parse(std::string_view bytes);

  // The head that Parse found complete. Its views point into those bytes and into this parser; they are valid
  // until the next Parse.
  [[nodiscard]] const RequestHead& Head() const { return head_; }

  // Whether parsing again can give a new result, after `added` has arrived behind the incomplete `before`.
  // Avoids a parse per byte for a client that sends byte by byte.
  static bool WorthParsing(std::string_view before, std::string_view added);

 private:
  // `line` includes its CR but not its LF; `number` 0 is the request line.
  Refusal TakeLine(std::string_view line, std::size_t number);
  Refusal TakeField(std::string_view line);
  // Checks that need the complete head.
  Refusal Finish();
  Refusal ReadExpectations();

  HeadLimits limits_;
  std::uint64_t max_body_;
  RequestHead head_;
  std::vector<HttpField> fields_;  // kept for its memory, so that a request allocates nothing
  std::string path_;               // the decoded path of the target; kept for the same reason
};

}  // namespace preforkd::http

#endif
