// byte_range: what a Range field asks for (RFC 9110 section 14). Pure.
#ifndef PREFORKD_WORKER_HTTP_SYNTAX_BYTE_RANGE_H_
#define PREFORKD_WORKER_HTTP_SYNTAX_BYTE_RANGE_H_

#include <cstdint>
#include <string_view>

namespace preforkd::http {

struct ByteRange {
  enum class Kind {
    kWhole,  // another unit, bad syntax, or several ranges: a server may ignore these, and this one does,
             // so that a thousand overlapping ranges cost nothing (CVE-2011-3192). Also the end of an empty
             // file, which is all of it: no Content-Range can say that
    kPart,   // `first` and `size` lie within the file
    kUnsatisfiable,  // begins behind the end
  };
  Kind kind = Kind::kWhole;
  std::uint64_t first = 0;
  std::uint64_t size = 0;  // kPart, never 0
};

ByteRange ParseRange(std::string_view value, std::uint64_t file_size);

}  // namespace preforkd::http

#endif
