// mime_types: the content type of a file by its extension. Pure.
#ifndef PREFORKD_WORKER_HTTP_FILES_MIME_TYPES_H_
#define PREFORKD_WORKER_HTTP_FILES_MIME_TYPES_H_

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace preforkd::http {

// By the table of Debian (media_types.h), without a charset. Unknown extensions give
// "application/octet-stream", so that a browser does not guess.
std::string_view MimeTypeOf(std::string_view path);

// The error says what is wrong with a line of FileTypes, or with a charset, and what to write instead.
Status CheckTypeLine(const std::string& line);
Status CheckCharset(const std::string& charset);

// The types of one service or place: lines of its own over the table, and a charset for text.
class FileTypes {
 public:
  FileTypes() = default;
  // `lines`: "EXTENSION... TYPE" each; a later one wins. `charset`: of text/ types; empty: none is named.
  // Precondition: the checks above found no error.
  FileTypes(const std::vector<std::string>& lines, const std::string& charset);

  // Writes the Content-Type into `type`, whose memory is used again. A type of its own that names a charset,
  // or any other parameter, gets no second one.
  void TypeOf(std::string_view path, std::string& type) const;

 private:
  struct Own {
    std::string extension;  // in lower case
    std::string type;
  };
  [[nodiscard]] const Own* Find(std::string_view extension) const;

  std::vector<Own> own_;  // sorted by extension
  std::string charset_;   // "; charset=utf-8"
};

}  // namespace preforkd::http

#endif
