#include "worker/http/syntax/head_parser.h"

#include <algorithm>
#include <optional>

#include "worker/http/syntax/authority.h"
#include "worker/http/syntax/request_line.h"
#include "worker/http/syntax/syntax.h"
#include "worker/http/syntax/target.h"

namespace preforkd::http {
namespace {

constexpr auto kNone = std::string_view::npos;

// Checks the start of an incomplete line: no bare CR, no NUL.
bool IsProperTail(std::string_view tail) {
  const std::size_t cr = tail.find('\r');
  return (cr == kNone || cr == tail.size() - 1) && tail.find('\0') == kNone;
}

HeadResult Refuse(Refusal refusal) { return {HeadResult::Kind::kRefused, 0, refusal}; }

// Checks the fields that must be consistent with each other.
Refusal CheckCounts(std::span<const HttpField> fields, int minor_version) {
  int hosts = 0;
  int framings = 0;
  for (const HttpField& field : fields) {
    if (EqualsNoCase(field.name, "host")) ++hosts;
    if (EqualsNoCase(field.name, "content-length")) ++framings;
    if (EqualsNoCase(field.name, "transfer-encoding")) ++framings;
  }
  if (hosts > 1 || (hosts == 0 && minor_version >= 1)) return 400;
  // Two lengths (even equal ones), or a length and an encoding, are the means of request smuggling.
  return framings > 1 ? 400 : kAccepted;
}

bool KeepsAlive(const HttpRequest& request) {
  bool close = false;
  bool keep_alive = request.minor_version >= 1;
  const auto read = [&](std::string_view option) {
    close = close || EqualsNoCase(option, "close");
    keep_alive = keep_alive || EqualsNoCase(option, "keep-alive");
  };
  request.ForEachLine("connection", [&](std::string_view line) { ForEachElement(line, read); });
  return keep_alive && !close;
}

}  // namespace

std::size_t EmptyLineBytes(std::string_view bytes) {
  std::size_t size = 0;
  while (bytes.substr(size, 2) == "\r\n") size += 2;
  return size;
}

HeadParser::HeadParser(const HeadLimits& limits, std::uint64_t max_body)
    : limits_(limits), max_body_(max_body) {
  fields_.reserve(limits.max_fields);
}

HeadResult HeadParser::Parse(std::string_view bytes) {
  fields_.clear();
  // Bytes beyond the limit are not examined, so that the result does not depend on how much has arrived.
  const std::string_view view = bytes.substr(0, limits_.max_bytes);
  if (const Refusal refusal = CheckMethod(view); refusal != kAccepted) return Refuse(refusal);
  std::size_t start = 0;
  std::size_t number = 0;
  for (std::size_t lf = view.find('\n'); lf != kNone; lf = view.find('\n', start)) {
    const std::string_view line = view.substr(start, lf - start);
    start = lf + 1;
    if (number > 0 && line == "\r") {
      const Refusal refusal = Finish();
      return refusal == kAccepted ? HeadResult{HeadResult::Kind::kComplete, start, kAccepted}
                                  : Refuse(refusal);
    }
    if (const Refusal refusal = TakeLine(line, number); refusal != kAccepted) return Refuse(refusal);
    ++number;
  }
  if (!IsProperTail(view.substr(start))) return Refuse(400);
  if (view.size() == limits_.max_bytes) return Refuse(number == 0 ? 414 : 431);
  return {};
}

bool HeadParser::WorthParsing(std::string_view before, std::string_view added) {
  // The method is judged while it arrives, and refused if it is long.
  if (before.find(' ') == kNone) return true;
  // Behind it only a control byte ends or invalidates a line. A CR at the end of `before` is judged by the
  // next byte.
  const bool has_control = std::any_of(
      added.begin(), added.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\t'; });
  return has_control || before.back() == '\r';
}

Refusal HeadParser::TakeLine(std::string_view line, std::size_t number) {
  if (!line.ends_with('\r')) return 400;
  line.remove_suffix(1);
  if (number > limits_.max_fields) return 431;
  if (number > 0) return TakeField(line);
  RequestLine parsed;
  const Refusal refusal = ParseRequestLine(line, parsed);
  head_.request.method = parsed.method;
  head_.request.method_name = parsed.method_name;
  head_.request.target = parsed.target;
  head_.request.minor_version = parsed.minor_version;
  return refusal;
}

// A name must be a token. That refuses a blank before the colon, and a line that continues the previous one
// (obs-fold).
Refusal HeadParser::TakeField(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == kNone) return 400;
  const HttpField field{line.substr(0, colon), TrimBlanks(line.substr(colon + 1))};
  if (!IsToken(field.name) || !IsFieldValue(field.value)) return 400;
  if (EqualsNoCase(field.name, "host") && !IsAuthority(field.value)) return 400;
  fields_.push_back(field);
  return kAccepted;
}

Refusal HeadParser::Finish() {
  HttpRequest& request = head_.request;
  request.fields = fields_;
  if (const Refusal refusal = CheckCounts(fields_, request.minor_version); refusal != kAccepted)
    return refusal;
  head_.framing = DecideFraming(fields_, request.minor_version, max_body_);
  if (head_.framing.refusal != kAccepted) return head_.framing.refusal;
  if (const Refusal refusal = ReadExpectations(); refusal != kAccepted) return refusal;
  request.keep_alive = KeepsAlive(request);
  // A tunnel would carry unchecked bytes.
  if (request.method == HttpMethod::kConnect) return 501;
  const std::optional<Target> target = ParseTarget(request.target, path_);
  if (!target) return 400;
  request.path = target->path;
  request.query = target->query;
  request.host = target->host.empty() ? request.Field("host").value_or("") : target->host;
  return kAccepted;
}

Refusal HeadParser::ReadExpectations() {
  head_.expects_continue = false;
  if (head_.request.minor_version == 0) return kAccepted;  // HTTP/1.0 has no expectations
  bool others = false;
  const auto read = [&](std::string_view expectation) {
    const bool known = EqualsNoCase(expectation, "100-continue");
    head_.expects_continue = head_.expects_continue || known;
    others = others || !known;
  };
  head_.request.ForEachLine("expect", [&](std::string_view line) { ForEachElement(line, read); });
  return others ? 417 : kAccepted;
}

}  // namespace preforkd::http
