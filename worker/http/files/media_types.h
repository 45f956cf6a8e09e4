// media_types: the table of media types by extension, as plain data. Generated when this tree is built
// (tools/bazel/media_types.py) from media_types.txt, which has what Debian's package media-types has, and
// own_types.txt. The running server reads no file for it.
#ifndef PREFORKD_WORKER_HTTP_FILES_MEDIA_TYPES_H_
#define PREFORKD_WORKER_HTTP_FILES_MEDIA_TYPES_H_

#include <cstdint>
#include <span>
#include <string_view>

namespace preforkd::http {

// Numbers in place of pointers: 1,500 rows need no relocation, and 6 bytes each.
struct MediaTypeRow {
  std::uint16_t extension_at;
  std::uint8_t extension_size;
  std::uint16_t type_at;
  std::uint8_t type_size;
};

// The names, one behind another.
extern const std::string_view kMediaTypeText;
// Sorted by extension, byte by byte; all in lower case.
extern const std::span<const MediaTypeRow> kMediaTypeRows;

}  // namespace preforkd::http

#endif
