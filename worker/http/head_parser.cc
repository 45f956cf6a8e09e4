#include "worker/http/head_parser.h"

#include <optional>

#include "worker/http/syntax.h"

namespace preforkd::http {
namespace {

// A span may be told in pieces; in one buffer they are neighbours.
void Extend(std::string_view& span, const char* at, std::size_t size) {
  span = span.empty() ? std::string_view(at, size)
                      : std::string_view(span.data(), static_cast<std::size_t>(at - span.data()) + size);
}

struct ConnectionOptions {
  bool close = false;
  bool keep_alive = false;
};

ConnectionOptions ReadConnectionOptions(std::span<const HttpField> fields) {
  ConnectionOptions options;
  for (const HttpField& field : fields) {
    if (!EqualsNoCase(field.name, "connection")) continue;
    ForEachElement(field.value, [&options](std::string_view option) {
      options.close = options.close || EqualsNoCase(option, "close");
      options.keep_alive = options.keep_alive || EqualsNoCase(option, "keep-alive");
    });
  }
  return options;
}

}  // namespace

HeadParser::HeadParser(const HeadLimits& limits, std::uint64_t max_body)
    : limits_(limits), max_body_(max_body) {
  ::llhttp_settings_init(&settings_);
  settings_.on_url = &HeadParser::OnUrl;
  settings_.on_header_field = &HeadParser::OnFieldName;
  settings_.on_header_field_complete = &HeadParser::OnFieldNameComplete;
  settings_.on_header_value = &HeadParser::OnFieldValue;
  settings_.on_headers_complete = &HeadParser::OnHeadersComplete;
  head_.fields.reserve(limits.max_fields);
}

Refusal HeadParser::Parse(std::string_view head) {
  ::llhttp_init(&parser_, HTTP_REQUEST, &settings_);
  parser_.data = this;
  head_.fields.clear();
  head_.target = {};
  in_name_ = false;
  complete_ = false;
  // llhttp is paused by OnHeadersComplete: it never sees a body.
  (void)::llhttp_execute(&parser_, head.data(), head.size());
  if (!complete_) return 400;

  head_.method_name = head.substr(0, head.find(' '));
  const std::optional<HttpMethod> method = MethodOf(head_.method_name);
  if (!method) return 501;
  head_.method = *method;
  head_.minor_version = parser_.http_minor;
  for (HttpField& field : head_.fields) field.value = TrimBlanks(field.value);
  return Interpret();
}

Refusal HeadParser::Interpret() {
  if (const Refusal refusal = CheckFields(head_.fields, head_.minor_version); refusal != kAccepted)
    return refusal;
  head_.framing = DecideFraming(head_.fields, head_.minor_version, max_body_);
  if (head_.framing.refusal != kAccepted) return head_.framing.refusal;

  const ConnectionOptions options = ReadConnectionOptions(head_.fields);
  head_.keep_alive = !options.close && (head_.minor_version >= 1 || options.keep_alive);
  head_.expects_continue = false;
  if (head_.minor_version == 0) return kAccepted;  // 1.0 knows no expectations
  for (const HttpField& field : head_.fields) {
    if (!EqualsNoCase(field.name, "expect")) continue;
    if (!EqualsNoCase(field.value, "100-continue")) return 417;
    head_.expects_continue = true;
  }
  return kAccepted;
}

int HeadParser::OnUrl(llhttp_t* parser, const char* at, std::size_t size) {
  Extend(Self(parser).head_.target, at, size);
  return 0;
}

int HeadParser::OnFieldName(llhttp_t* parser, const char* at, std::size_t size) {
  HeadParser& self = Self(parser);
  if (!self.in_name_) self.head_.fields.push_back({});
  self.in_name_ = true;
  Extend(self.head_.fields.back().name, at, size);
  return 0;
}

int HeadParser::OnFieldNameComplete(llhttp_t* parser) {
  Self(parser).in_name_ = false;
  return 0;
}

int HeadParser::OnFieldValue(llhttp_t* parser, const char* at, std::size_t size) {
  Extend(Self(parser).head_.fields.back().value, at, size);
  return 0;
}

int HeadParser::OnHeadersComplete(llhttp_t* parser) {
  Self(parser).complete_ = true;
  return HPE_PAUSED;
}

}  // namespace preforkd::http
