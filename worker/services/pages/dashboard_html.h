// The dashboard page: one text without external assets, built from the files in dashboard/.
#ifndef PREFORKD_WORKER_SERVICES_PAGES_DASHBOARD_HTML_H_
#define PREFORKD_WORKER_SERVICES_PAGES_DASHBOARD_HTML_H_

#include <string_view>

namespace preforkd {

extern const std::string_view kDashboardHtml;
// Its Content-Security-Policy. The page shows text from clients (what a worker is doing); should it ever fail
// to treat that as text, the policy blocks scripts.
extern const std::string_view kDashboardPolicy;
// Its entity tag, with quotes.
extern const std::string_view kDashboardTag;

}  // namespace preforkd

#endif
