// Server-sent events: GET /ticks sends one event each `interval` until the client leaves. A client that comes
// again says in Last-Event-ID where it was. A coroutine in the loop thread: a thousand clients cost a
// thousand timers.
#include <charconv>
#include <chrono>
#include <cstdint>
#include <preforkd/module.hpp>
#include <string>

namespace {

pfd::setting::Duration interval{"interval",
                                {.min = "10ms", .max = "1h", .fallback = "1s", .doc = "Between two events."}};
pfd::Counter events{"events", "Events that were sent."};

std::uint64_t last_event(const pfd::Request& request) {
  std::uint64_t number = 0;
  const std::string_view text = request.field("last-event-id").value_or("0");
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

pfd::Task<> ticks(const pfd::Request& request, pfd::Stream& out) {
  out.type("text/event-stream").field("cache-control", "no-store");
  std::uint64_t number = last_event(request);
  for (;;) {
    ++number;
    const std::string text = std::to_string(number);
    if (!co_await out.write("id: " + text + "\ndata: tick " + text + "\n\n")) break;
    events.add();
    co_await pfd::sleep(*interval);
  }
  pfd::log::debug("client of connection ", request.connection_id(), " has left after event ", number);
}

}  // namespace

PREFORKD_EVENT_MODULE("ticks", interval, events, pfd::route{"GET", "/ticks", ticks});
