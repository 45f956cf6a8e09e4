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

// One element of the list.
struct Element {
  enum class Kind { kInvalid, kPart, kUnsatisfiable, kWholeEmpty };
  Kind kind = Kind::kInvalid;
  ByteRange part{0, 0};
};

Element Suffix(std::string_view length, std::uint64_t file_size) {
  const std::optional<std::uint64_t> wanted = ParsePosition(length);
  if (!wanted) return {};
  // A suffix of any length except 0 is satisfiable (RFC 9110 section 14.1.2).
  if (*wanted == 0) return {Element::Kind::kUnsatisfiable};
  if (file_size == 0) return {Element::Kind::kWholeEmpty};
  const std::uint64_t size = std::min(*wanted, file_size);
  return {Element::Kind::kPart, {file_size - size, size}};
}

Element ParseElement(std::string_view spec, std::uint64_t file_size) {
  const std::size_t dash = spec.find('-');
  if (dash == std::string_view::npos) return {};
  if (dash == 0) return Suffix(spec.substr(1), file_size);
  const std::optional<std::uint64_t> first = ParsePosition(spec.substr(0, dash));
  const std::string_view end = spec.substr(dash + 1);
  const std::optional<std::uint64_t> last =
      end.empty() ? std::optional(std::numeric_limits<std::uint64_t>::max()) : ParsePosition(end);
  if (!first || !last || *last < *first) return {};
  if (*first >= file_size) return {Element::Kind::kUnsatisfiable};
  return {Element::Kind::kPart, {*first, std::min(*last, file_size - 1) - *first + 1}};
}

// Joins ranges that overlap or nearly touch. Of the joined ones the place of the first in the list stays.
void Join(ByteRanges& ranges) {
  struct Placed {
    ByteRange range;
    std::size_t place;
  };
  std::array<Placed, kMaxRanges> sorted;
  for (std::size_t i = 0; i < ranges.count; ++i) sorted[i] = {ranges.parts[i], i};
  const auto begin = sorted.begin();
  const auto end = begin + static_cast<std::ptrdiff_t>(ranges.count);
  std::sort(begin, end, [](const Placed& a, const Placed& b) { return a.range.first < b.range.first; });
  auto last = begin;
  for (auto next = begin + 1; next != end; ++next) {
    const std::uint64_t covered = last->range.first + last->range.size;
    if (next->range.first > covered && next->range.first - covered > kMaxGap) {
      *++last = *next;
      continue;
    }
    last->range.size = std::max(covered, next->range.first + next->range.size) - last->range.first;
    last->place = std::min(last->place, next->place);
  }
  ++last;
  std::sort(begin, last, [](const Placed& a, const Placed& b) { return a.place < b.place; });
  ranges.count = static_cast<std::size_t>(last - begin);
  for (std::size_t i = 0; i < ranges.count; ++i) ranges.parts[i] = sorted[i].range;
}

}  // namespace

ByteRanges ParseRanges(std::string_view value, std::uint64_t file_size) {
  constexpr std::string_view kUnit = "bytes=";
  ByteRanges ranges;
  if (!EqualsNoCase(value.substr(0, kUnit.size()), kUnit)) return ranges;
  std::size_t elements = 0;
  bool usable = true;
  ForEachElement(value.substr(kUnit.size()), [&](std::string_view spec) {
    if (++elements > kMaxRanges) usable = false;
    if (!usable) return;
    const Element element = ParseElement(spec, file_size);
    if (element.kind == Element::Kind::kPart) ranges.parts[ranges.count++] = element.part;
    usable = element.kind == Element::Kind::kPart || element.kind == Element::Kind::kUnsatisfiable;
  });
  if (!usable || elements == 0) return ranges;
  ranges.kind = ranges.count == 0 ? ByteRanges::Kind::kUnsatisfiable : ByteRanges::Kind::kParts;
  if (ranges.count > 1) Join(ranges);
  return ranges;
}

}  // namespace preforkd::http
