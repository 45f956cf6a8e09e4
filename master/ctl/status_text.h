// The status as people read it: aligned, short. Pure.
#ifndef PREFORKD_MASTER_CTL_STATUS_TEXT_H_
#define PREFORKD_MASTER_CTL_STATUS_TEXT_H_

#include <cstddef>
#include <optional>
#include <string>

#include "master/ctl/status_view.h"

namespace preforkd {

// What `status` prints: the server, its connections, listeners and workers.
std::string StatusText(const StatusView& view);
// What `workers` prints.
std::string WorkersText(const StatusView& view);

enum class TopOrder { kSlot, kRequests, kCpu, kMemory, kConnections };
// The order that a key asks for; nullopt: it asks for none.
std::optional<TopOrder> TopOrderOf(char key);

// One table of `top`: rates are those between `before` and `now`, `seconds` apart. `width` and `height` of
// the terminal; 0: no limit.
std::string TopText(const StatusView& before, const StatusView& now, double seconds, TopOrder order,
                    std::size_t width, std::size_t height);

}  // namespace preforkd

#endif
