// syntax.h: the character classes and list rules of RFC 9110 that this package shares. Pure; independent of
// requests and responses.
#ifndef PREFORKD_WORKER_HTTP_SYNTAX_SYNTAX_H_
#define PREFORKD_WORKER_HTTP_SYNTAX_SYNTAX_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace preforkd::http {

constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }
constexpr bool IsAlpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr char ToLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// The value of a hexadecimal digit; -1 if it is not one.
constexpr int HexValue(char c) {
  if (IsDigit(c)) return c - '0';
  const char lower = ToLower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// A set of bytes as a table: one load per byte in the loops over every byte of every request.
using ByteSet = std::array<bool, 256>;

template <typename Predicate>
constexpr ByteSet MakeByteSet(Predicate contains) {
  ByteSet set{};
  for (std::size_t i = 0; i < set.size(); ++i) set[i] = contains(static_cast<char>(i));
  return set;
}

constexpr bool AllIn(const ByteSet& set, std::string_view text) {
  return std::all_of(text.begin(), text.end(), [&set](char c) { return set[static_cast<unsigned char>(c)]; });
}

// tchar: RFC 9110 section 5.6.2.
inline constexpr ByteSet kTokenBytes = MakeByteSet([](char c) {
  return IsDigit(c) || IsAlpha(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
});

// The bytes of a field value: visible characters, space, tab, and obs-text, which is opaque.
inline constexpr ByteSet kFieldValueBytes = MakeByteSet([](char c) {
  const auto byte = static_cast<unsigned char>(c);
  return c == '\t' || (byte >= 0x20 && byte != 0x7f);
});

constexpr bool IsToken(std::string_view text) { return !text.empty() && AllIn(kTokenBytes, text); }
constexpr bool IsFieldValue(std::string_view text) { return AllIn(kFieldValueBytes, text); }

constexpr bool EqualsNoCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return ToLower(x) == ToLower(y); });
}

// Removes optional whitespace at both ends.
constexpr std::string_view TrimBlanks(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Calls `use` for each trimmed element of a comma-separated list. Empty elements are skipped, as required
// (RFC 9110 section 5.6.1.2). Not for lists whose elements may be quoted strings.
template <typename Use>
void ForEachElement(std::string_view list, Use use) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string_view element = TrimBlanks(list.substr(0, comma));
    if (!element.empty()) use(element);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

}  // namespace preforkd::http

#endif
