// byte_range: parses a Range field (RFC 9110 section 14). Pure; needs no memory of the heap.
#ifndef PREFORKD_WORKER_HTTP_SYNTAX_BYTE_RANGE_H_
#define PREFORKD_WORKER_HTTP_SYNTAX_BYTE_RANGE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace preforkd::http {

struct ByteRange {
  std::uint64_t first;
  std::uint64_t size;  // never 0

  bool operator==(const ByteRange&) const = default;
};

// More elements than this, and the field is ignored: thousands of ranges would be an attack (CVE-2011-3192).
inline constexpr std::size_t kMaxRanges = 64;
// Ranges that overlap, or have no more than so many bytes between them, become one: the head of another part
// costs as much (RFC 9110 section 15.3.7.2). So a byte of the file is sent at most once.
inline constexpr std::uint64_t kMaxGap = 128;

struct ByteRanges {
  enum class Kind {
    // Ignore the field: another unit, bad syntax, or too many ranges. Also a suffix of an empty file, which
    // is the whole file: no Content-Range can express that.
    kWhole,
    kParts,
    kUnsatisfiable,  // all begin beyond the end
  };
  Kind kind = Kind::kWhole;
  std::size_t count = 0;
  std::array<ByteRange, kMaxRanges> parts;  // the first `count` of them

  // kParts: at least one, each within the file, in the order in which the client named their first bytes.
  [[nodiscard]] std::span<const ByteRange> Parts() const { return {parts.data(), count}; }
};

ByteRanges ParseRanges(std::string_view value, std::uint64_t file_size);

}  // namespace preforkd::http

#endif
