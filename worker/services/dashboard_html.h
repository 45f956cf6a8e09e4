// The dashboard as it is sent: one text, no asset from anywhere. Made at build time of the files in
// dashboard/.
#ifndef PREFORKD_WORKER_SERVICES_DASHBOARD_HTML_H_
#define PREFORKD_WORKER_SERVICES_DASHBOARD_HTML_H_

#include <string_view>

namespace preforkd {

extern const std::string_view kDashboardHtml;
// Its Content-Security-Policy: it shows text that clients have sent (what a worker is doing), and should it
// ever forget to treat that as text, this keeps a script out.
extern const std::string_view kDashboardPolicy;
// Its entity tag, with the quotes.
extern const std::string_view kDashboardTag;

}  // namespace preforkd

#endif
