// IdleContext: what an idle connection takes along to another worker: until when it may stay idle, and the
// number of empty lines received. Without it a client would get the full idle time again with every journey,
// and it can cause journeys with empty lines, which are no request.
//
// Pure. The context may come from another version or from a faulty worker: any bytes give a valid context,
// which can only shorten the idle time.
#ifndef PREFORKD_WORKER_HTTP_IDLE_CONTEXT_H_
#define PREFORKD_WORKER_HTTP_IDLE_CONTEXT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"

namespace preforkd::http {

struct IdleContext {
  std::optional<Time> until;     // unset: a new connection, or the earlier worker did not tell
  std::uint8_t empty_lines = 0;  // before the next request line

  bool operator==(const IdleContext&) const = default;
};

// Precondition: `until` is set.
std::string PackIdle(const IdleContext& context);
IdleContext UnpackIdle(std::string_view packed);

}  // namespace preforkd::http

#endif
