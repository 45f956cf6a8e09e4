#include "worker/http/access/credentials.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "common/text/escape.h"
#include "worker/http/access/password_hash.h"
#include "worker/http/syntax/syntax.h"

namespace preforkd::http {
namespace {

constexpr std::size_t kMaxUser = 255;
// Of what a right pair can have, encoded.
constexpr std::size_t kMaxEncoded = (kMaxUser + 1 + kMaxPassword + 2) / 3 * 4;

// -1: not one of the 64.
int SixBits(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

// RFC 4648 section 4, with its padding, and no other bits at the end than 0: each pair has one encoding.
bool DecodeBase64(std::string_view text, SecretBytes& bytes) {
  if (text.size() % 4 != 0) return false;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text.substr(0, text.size() - padding)) {
    const int six = SixBits(c);
    if (six < 0) return false;
    bits = bits << 6 | static_cast<std::uint32_t>(six);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>(bits >> count & 0xff));
  }
  return (bits & ((1U << count) - 1)) == 0;
}

}  // namespace

std::optional<Credentials> Credentials::Of(const HttpRequest& request) {
  constexpr std::string_view kScheme = "Basic";
  const std::optional<std::string_view> field = request.OnlyField("authorization");
  if (!field || field->size() <= kScheme.size() || !EqualsNoCase(field->substr(0, kScheme.size()), kScheme))
    return std::nullopt;
  const std::string_view rest = field->substr(kScheme.size());
  const std::size_t begin = rest.find_first_not_of(' ');
  if (begin == 0 || begin == std::string_view::npos || rest.size() - begin > kMaxEncoded) return std::nullopt;
  Credentials credentials;
  if (!DecodeBase64(rest.substr(begin), credentials.bytes_)) return std::nullopt;
  const std::string_view both = credentials.Both();
  credentials.colon_ = both.find(':');
  if (credentials.colon_ == 0 || credentials.colon_ == std::string_view::npos) return std::nullopt;
  if (std::any_of(both.begin(), both.end(), IsControl)) return std::nullopt;
  return std::optional<Credentials>(std::move(credentials));
}

}  // namespace preforkd::http
