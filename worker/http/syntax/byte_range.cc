#include "worker/http/syntax/byte_range.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "worker/http/syntax/syntax.h"

namespace preforkd::http {
namespace {

// A position that does not fit 64 bits is beyond the end of any file, so it is capped. nullopt: not all
// digits.
std::optional<std::uint64_t> ParsePosition(std::string_view text) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  if (text.empty() || !std::all_of(text.begin(), text.end(), IsDigit)) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    const auto digit = static_cast<std::uint64_t>(c - '0');
    value = value > (kMax - digit) / 10 ? kMax : value * 10 + digit;
  }
  return value;
}

ByteRange Suffix(std::string_view length, std::uint64_t file_size) {
  const std::optional<std::uint64_t> wanted = ParsePosition(length);
  if (!wanted) return {};
  // A suffix of any length except 0 is satisfiable (RFC 9110 section 14.1.2).
  if (*wanted == 0) return {ByteRange::Kind::kUnsatisfiable, 0, 0};
  if (file_size == 0) return {};
  const std::uint64_t size = std::min(*wanted, file_size);
  return {ByteRange::Kind::kPart, file_size - size, size};
}

// The only element of the list; empty if there is none, or more than one.
std::string_view OnlyElement(std::string_view list) {
  std::string_view only;
  int count = 0;
  ForEachElement(list, [&](std::string_view element) {
    only = element;
    ++count;
  });
  return count == 1 ? only : std::string_view();
}

}  // namespace

ByteRange ParseRange(std::string_view value, std::uint64_t file_size) {
  constexpr std::string_view kUnit = "bytes=";
  if (!EqualsNoCase(value.substr(0, kUnit.size()), kUnit)) return {};
  const std::string_view spec = OnlyElement(value.substr(kUnit.size()));
  const std::size_t dash = spec.find('-');
  if (dash == std::string_view::npos) return {};
  if (dash == 0) return Suffix(spec.substr(1), file_size);
  const std::optional<std::uint64_t> first = ParsePosition(spec.substr(0, dash));
  const std::string_view end = spec.substr(dash + 1);
  const std::optional<std::uint64_t> last =
      end.empty() ? std::optional(std::numeric_limits<std::uint64_t>::max()) : ParsePosition(end);
  if (!first || !last || *last < *first) return {};
  if (*first >= file_size) return {ByteRange::Kind::kUnsatisfiable, 0, 0};
  return {ByteRange::Kind::kPart, *first, std::min(*last, file_size - 1) - *first + 1};
}

}  // namespace preforkd::http
