// The status as text for people: short and aligned. Pure.
#ifndef PREFORKD_MASTER_CTL_STATUS_TEXT_H_
#define PREFORKD_MASTER_CTL_STATUS_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "master/ctl/status_view.h"

namespace preforkd {

// Output of `status`: the server, its connections, listeners and workers.
std::string StatusText(const StatusView& view);
// Output of `workers`.
std::string WorkersText(const StatusView& view);

// Output of `certificates`. `now`: seconds since the epoch.
std::string CertificatesText(const std::vector<CertificateView>& certificates, std::int64_t now);

enum class TopOrder { kSlot, kRequests, kCpu, kMemory, kConnections };
// The order that `key` selects; nullopt: it is not a sort key.
std::optional<TopOrder> TopOrderOf(char key);

// One table of `top`. Rates are those between `before` and `now`, which are `seconds` apart. `width` and
// `height`: size of the terminal in characters; 0: no limit.
std::string TopText(const StatusView& before, const StatusView& now, double seconds, TopOrder order,
                    std::size_t width, std::size_t height);

}  // namespace preforkd

#endif
