// HeadParser: bytes to the head of a request, in one pass: each line is judged and taken apart when its end
// is there.
//
// Why no library: this file replaces llhttp, the parser of Node.js. Its Debian version ends with an error of
// its own on input that RFC 9112 has us take (a tab behind Content-Length, HTTP/1.2), says nothing of chunk
// extensions, and takes bare CR, bare LF and folded lines; so every byte had to be judged before it, and all
// that was left for it was to find colons. Two parsers of one head can disagree, and that is what requests
// are smuggled through. libhttp-parser is its predecessor, and laxer.
//
// One parser per service and worker, used by its connections in turn; it keeps nothing between two heads. A
// head that has not arrived whole leaves nothing behind: it is looked at from its start when its next line
// has ended. A head that is whole is parsed once, also when its body takes longer to arrive (kept_head.h).
//
// What is refused in a prefix is refused in the same way in everything that begins with this prefix: it does
// not matter how the bytes were cut into packets. Nothing is ever mended: a request that passes means the
// same to every implementation in front of us or behind us.
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
  std::size_t size = 0;         // kComplete: bytes of the head, its empty line included
  Refusal refusal = kAccepted;  // kRefused
};

struct RequestHead {
  HttpRequest request;  // body and peer are not of the head, and not set
  bool expects_continue = false;
  Framing framing;
};

// Empty lines that a client may send before a request line (RFC 9112 section 2.2), and how many of them.
inline constexpr std::size_t kMaxEmptyLines = 4;
// The bytes at the start of `bytes` that are whole empty lines (CRLF).
std::size_t EmptyLineBytes(std::string_view bytes);

class HeadParser {
 public:
  HeadParser(const HeadLimits& limits, std::uint64_t max_body);
  HeadParser(const HeadParser&) = delete;
  HeadParser& operator=(const HeadParser&) = delete;

  // `bytes` begin with a request line, and may end anywhere.
  HeadResult Parse(std::string_view bytes);

  // Of what Parse found complete. Its views point into those bytes and into this parser: valid until the next
  // Parse.
  [[nodiscard]] const RequestHead& Head() const { return head_; }

  // Whether another Parse can find anything new when `added` has arrived behind `before`, which was
  // incomplete. Keeps a client that sends byte by byte from making us look at its head for every byte.
  static bool WorthParsing(std::string_view before, std::string_view added);

 private:
  // `line` with its CR and without its LF; `number` 0 is the request line.
  Refusal TakeLine(std::string_view line, std::size_t number);
  Refusal TakeField(std::string_view line);
  // What only the whole head can tell.
  Refusal Finish();
  Refusal ReadExpectations();

  HeadLimits limits_;
  std::uint64_t max_body_;
  RequestHead head_;
  std::vector<HttpField> fields_;  // kept for its memory, so that a request costs no allocation
  std::string path_;               // of the target, decoded; kept likewise
};

}  // namespace preforkd::http

#endif
