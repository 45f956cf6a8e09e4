#include "common/text/quote.h"

#include <fmt/format.h>

#include <iterator>

#include "common/text/utf8.h"

namespace preforkd {
namespace {

constexpr std::size_t kMaxShown = 100;

// The longest prefix of at most kMaxShown bytes that does not cut a UTF-8 character in two.
std::string_view Shown(std::string_view text) {
  if (text.size() <= kMaxShown) return text;
  std::size_t end = kMaxShown;
  constexpr std::size_t kMaxContinuation = 3;
  while (end > kMaxShown - kMaxContinuation && !BeginsUtf8(text[end])) --end;
  return text.substr(0, end);
}

}  // namespace

std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      fmt::format_to(std::back_inserter(escaped), "\\x{:02x}", byte);
    } else {
      escaped.push_back(c);
    }
  }
  return escaped;
}

std::string Quoted(std::string_view text) {
  const std::string_view shown = Shown(text);
  return fmt::format("'{}{}'", Escaped(shown), shown.size() < text.size() ? "..." : "");
}

}  // namespace preforkd
