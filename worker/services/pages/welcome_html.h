// The built-in welcome page: one text without external assets. It shows /status.json once a second.
#ifndef PREFORKD_WORKER_SERVICES_PAGES_WELCOME_HTML_H_
#define PREFORKD_WORKER_SERVICES_PAGES_WELCOME_HTML_H_

#include <string_view>

namespace preforkd {

extern const std::string_view kWelcomeHtml;

}  // namespace preforkd

#endif
