#include "worker/http/syntax/framing.h"

#include <limits>
#include <optional>
#include <string_view>

#include "worker/http/syntax/syntax.h"

namespace preforkd::http {
namespace {

Framing Refuse(Refusal refusal) { return {Framing::Kind::kNone, 0, refusal}; }

// 1*DIGIT only; nullopt also if the number does not fit.
std::optional<std::uint64_t> ParseLength(std::string_view text) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  if (text.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (!IsDigit(c)) return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (kMax - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

// True if an unknown coding precedes a final `chunked`: well-formed, so 501 and not 400.
bool IsUnknownCodingThenChunked(std::string_view value) {
  const std::size_t comma = value.rfind(',');
  if (comma == std::string_view::npos || !EqualsNoCase(TrimBlanks(value.substr(comma + 1)), "chunked"))
    return false;
  bool well_formed = true;
  int codings = 0;
  ForEachElement(value.substr(0, comma), [&](std::string_view coding) {
    ++codings;
    well_formed = well_formed && IsToken(coding) && !EqualsNoCase(coding, "chunked");
  });
  return well_formed && codings > 0;
}

Framing FrameByEncoding(std::string_view value, int minor_version) {
  // HTTP/1.0 has no transfer codings: an intermediary forwarded what it did not understand.
  if (minor_version == 0) return Refuse(400);
  if (EqualsNoCase(value, "chunked")) return {Framing::Kind::kChunked, 0, kAccepted};
  return Refuse(IsUnknownCodingThenChunked(value) ? 501 : 400);
}

Framing FrameByLength(std::string_view value, std::uint64_t max_body) {
  const std::optional<std::uint64_t> length = ParseLength(value);
  if (!length) return Refuse(400);
  if (*length > max_body) return Refuse(413);
  return {*length == 0 ? Framing::Kind::kNone : Framing::Kind::kLength, *length, kAccepted};
}

}  // namespace

Framing DecideFraming(std::span<const HttpField> fields, int minor_version, std::uint64_t max_body) {
  for (const HttpField& field : fields) {
    if (EqualsNoCase(field.name, "transfer-encoding")) return FrameByEncoding(field.value, minor_version);
    if (EqualsNoCase(field.name, "content-length")) return FrameByLength(field.value, max_body);
  }
  return {};
}

}  // namespace preforkd::http
