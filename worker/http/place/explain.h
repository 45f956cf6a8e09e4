// ExplainPlace: which host, location and file of a service a URL means, and which settings apply there, for
// people (preforkd --explain). It looks at the files as the user who asks.
#ifndef PREFORKD_WORKER_HTTP_PLACE_EXPLAIN_H_
#define PREFORKD_WORKER_HTTP_PLACE_EXPLAIN_H_

#include <string>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/process/program.h"

namespace preforkd {

// Lines of text. Error: no client may send such a URL.
Result<std::string> ExplainPlace(const ServiceConfig& service, const ExplainedUrl& url);

}  // namespace preforkd

#endif
