// The built-in page: one text, no asset from anywhere. Shows what /status.json says, once a second.
#ifndef PREFORKD_WORKER_HTTP_WELCOME_HTML_H_
#define PREFORKD_WORKER_HTTP_WELCOME_HTML_H_

#include <string_view>

namespace preforkd::http {

extern const std::string_view kWelcomeHtml;

}  // namespace preforkd::http

#endif
