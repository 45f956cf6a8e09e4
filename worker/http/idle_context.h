// IdleContext: what a connection takes along to another worker between two requests, or with one that was not
// begun: until when it may stay idle, the number of empty lines received, and until when the request that it
// brings may wait. Without it a client would get the full idle time again with every journey,
// and it can cause journeys with empty lines, which are no request.
//
// Pure. The context may come from another version or from a faulty worker: any bytes give a valid context,
// which can only shorten the times.
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
  // The request that comes with it is answered with 504 if it is not begun by then.
  std::optional<Time> answer_by{};

  bool operator==(const IdleContext&) const = default;
};

// Precondition: `until` is set.
std::string PackIdle(const IdleContext& context);
IdleContext UnpackIdle(std::string_view packed);

}  // namespace preforkd::http

#endif
