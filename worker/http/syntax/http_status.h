// http_status: status codes and their reason phrases. Pure.
#ifndef PREFORKD_WORKER_HTTP_SYNTAX_HTTP_STATUS_H_
#define PREFORKD_WORKER_HTTP_SYNTAX_HTTP_STATUS_H_

#include <string_view>

namespace preforkd::http {

// "Not Found"; "Unknown" for a code that is not in the table. Clients treat such a code like the x00 of its
// class.
std::string_view ReasonPhrase(int status);

// 1xx, 204 and 304 end with the head, whatever their fields are (RFC 9110 section 6.4.1).
constexpr bool MayHaveBody(int status) { return status >= 200 && status != 204 && status != 304; }

}  // namespace preforkd::http

#endif
