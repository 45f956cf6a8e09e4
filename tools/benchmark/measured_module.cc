// The same answers as the other servers give, from a module: what the way through its interface costs. Built
// as an event module, and with MEASURED_BLOCKING as a blocking one, which answers /block after 50 ms.
#include <chrono>
#include <preforkd/module.hpp>
#include <thread>

#include "tools/benchmark/measured_body.h"

namespace {

pfd::Response hello(const pfd::Request&) {
  return pfd::text(std::string(preforkd::benchmark::kMeasuredBody));
}

#ifdef MEASURED_BLOCKING
pfd::Response block(const pfd::Request& request) {
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  return hello(request);
}
#endif

}  // namespace

#ifdef MEASURED_BLOCKING
PREFORKD_MODULE("measured", pfd::route{"GET", "/hello", hello}, pfd::route{"GET", "/block", block});
#else
PREFORKD_EVENT_MODULE("measured", pfd::route{"GET", "/hello", hello});
#endif
