// AsksForUpgrade: does a client want to speak another protocol on its connection? Pure.
#ifndef PREFORKD_WORKER_HTTP_SYNTAX_UPGRADE_H_
#define PREFORKD_WORKER_HTTP_SYNTAX_UPGRADE_H_

#include <string_view>

#include "worker/http/syntax/request.h"

namespace preforkd::http {

// `protocol` is in the Upgrade field, and "upgrade" in the Connection field, in any case; not in HTTP/1.0
// (RFC 9110 section 7.8). Without the connection option the field may have been meant for a proxy in front.
[[nodiscard]] bool AsksForUpgrade(const HttpRequest& request, std::string_view protocol);

}  // namespace preforkd::http

#endif
