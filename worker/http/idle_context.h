// What an idle connection takes along when it goes to another worker: until when it may stay idle, and the
// empty lines that it has sent already. Without it a client would get its whole time anew with every journey,
// and it can make its connection travel: by an empty line, which is no request.
//
// Pure. A worker of another version may have packed it, and a worker may lie: whatever comes is a context,
// and what it says only shortens the time.
#ifndef PREFORKD_WORKER_HTTP_IDLE_CONTEXT_H_
#define PREFORKD_WORKER_HTTP_IDLE_CONTEXT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"

namespace preforkd::http {

struct IdleContext {
  std::optional<Time> until;     // none: the connection is fresh, or comes from a worker that did not say
  std::uint8_t empty_lines = 0;  // in front of the next request line

  bool operator==(const IdleContext&) const = default;
};

// Precondition: `until` is set.
std::string PackIdle(const IdleContext& context);
IdleContext UnpackIdle(std::string_view packed);

}  // namespace preforkd::http

#endif
