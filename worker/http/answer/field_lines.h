// field_lines: the header fields of a response as it keeps them, "Name: value\r\n" each, written by
// HttpResponse itself. Pure.
#ifndef PREFORKD_WORKER_HTTP_ANSWER_FIELD_LINES_H_
#define PREFORKD_WORKER_HTTP_ANSWER_FIELD_LINES_H_

#include <string>
#include <string_view>

#include "worker/http/syntax/syntax.h"

namespace preforkd::http {

// Calls `use` with the name and the value of each line; both are views into `lines`.
template <typename Use>
void ForEachFieldLine(std::string_view lines, Use use) {
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find("\r\n"));
    const std::size_t colon = line.find(": ");
    use(line.substr(0, colon), line.substr(colon + 2));
    lines.remove_prefix(line.size() + 2);
  }
}

inline bool HasField(std::string_view lines, std::string_view name) {
  bool found = false;
  ForEachFieldLine(
      lines, [&](std::string_view each, std::string_view) { found = found || EqualsNoCase(each, name); });
  return found;
}

// Makes the tag a weak one, if there is a tag that is not.
inline void WeakenTag(std::string& lines) {
  std::size_t at = std::string::npos;
  ForEachFieldLine(lines, [&](std::string_view name, std::string_view value) {
    if (EqualsNoCase(name, "etag") && value.starts_with('"'))
      at = static_cast<std::size_t>(value.data() - lines.data());
  });
  if (at != std::string::npos) lines.insert(at, "W/");
}

}  // namespace preforkd::http

#endif
