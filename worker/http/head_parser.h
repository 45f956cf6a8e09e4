// HeadParser: bytes to the head of a request, with llhttp. One per service and worker, used by its
// connections in turn: it keeps nothing between two heads, because a head is parsed only when it lies whole
// in one buffer.
//
// The views in a RequestHead point into the bytes that were parsed. The list of fields is the parser's own
// and is used again for the next head, so that a request costs no allocation.
#ifndef PREFORKD_WORKER_HTTP_HEAD_PARSER_H_
#define PREFORKD_WORKER_HTTP_HEAD_PARSER_H_

#include <llhttp.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "worker/http/framing.h"
#include "worker/http/request.h"
#include "worker/http/strictness.h"

namespace preforkd::http {

struct RequestHead {
  HttpMethod method = HttpMethod::kGet;
  std::string_view method_name;
  std::string_view target;
  int minor_version = 1;
  std::vector<HttpField> fields;
  bool keep_alive = true;
  bool expects_continue = false;
  Framing framing;
};

class HeadParser {
 public:
  HeadParser(const HeadLimits& limits, std::uint64_t max_body);
  HeadParser(const HeadParser&) = delete;
  HeadParser& operator=(const HeadParser&) = delete;

  // ScanHead with this parser's limits.
  [[nodiscard]] HeadScan Scan(std::string_view bytes) const { return ScanHead(bytes, limits_); }

  // `head` is what a scan found complete. Head() is valid until the next call, when this says kAccepted.
  Refusal Parse(std::string_view head);
  [[nodiscard]] const RequestHead& Head() const { return head_; }

 private:
  static int OnUrl(llhttp_t* parser, const char* at, std::size_t size);
  static int OnFieldName(llhttp_t* parser, const char* at, std::size_t size);
  static int OnFieldNameComplete(llhttp_t* parser);
  static int OnFieldValue(llhttp_t* parser, const char* at, std::size_t size);
  static int OnHeadersComplete(llhttp_t* parser);
  static HeadParser& Self(llhttp_t* parser) { return *static_cast<HeadParser*>(parser->data); }

  // What the fields say about the connection.
  Refusal Interpret();

  HeadLimits limits_;
  std::uint64_t max_body_;
  llhttp_settings_t settings_;
  llhttp_t parser_;
  RequestHead head_;
  bool in_name_ = false;  // the last field's name may go on
  bool complete_ = false;
};

}  // namespace preforkd::http

#endif
