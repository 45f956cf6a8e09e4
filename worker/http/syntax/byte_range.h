// byte_range: parses a Range field (RFC 9110 section 14). Pure.
#ifndef PREFORKD_WORKER_HTTP_SYNTAX_BYTE_RANGE_H_
#define PREFORKD_WORKER_HTTP_SYNTAX_BYTE_RANGE_H_

#include <cstdint>
#include <string_view>

namespace preforkd::http {

struct ByteRange {
  enum class Kind {
    // Ignore the field: another unit, bad syntax, or several ranges. A server may ignore these; doing so
    // makes a thousand overlapping ranges cheap (CVE-2011-3192). Also a suffix of an empty file, which is the
    // whole file: no Content-Range can express that.
    kWhole,
    kPart,           // `first` and `size` lie within the file
    kUnsatisfiable,  // begins beyond the end
  };
  Kind kind = Kind::kWhole;
  std::uint64_t first = 0;
  std::uint64_t size = 0;  // kPart only; never 0
};

ByteRange ParseRange(std::string_view value, std::uint64_t file_size);

}  // namespace preforkd::http

#endif
