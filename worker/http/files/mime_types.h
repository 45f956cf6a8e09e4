// mime_types: the content type of a file by the end of its name. Pure.
#ifndef PREFORKD_WORKER_HTTP_FILES_MIME_TYPES_H_
#define PREFORKD_WORKER_HTTP_FILES_MIME_TYPES_H_

#include <string_view>

namespace preforkd::http {

// "application/octet-stream" for what is not in the table, so that a browser does not guess.
std::string_view MimeTypeOf(std::string_view path);

}  // namespace preforkd::http

#endif
