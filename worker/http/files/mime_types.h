// mime_types: the content type of a file by its extension. Pure.
#ifndef PREFORKD_WORKER_HTTP_FILES_MIME_TYPES_H_
#define PREFORKD_WORKER_HTTP_FILES_MIME_TYPES_H_

#include <string_view>

namespace preforkd::http {

// Unknown extensions give "application/octet-stream", so that a browser does not guess.
std::string_view MimeTypeOf(std::string_view path);

}  // namespace preforkd::http

#endif
