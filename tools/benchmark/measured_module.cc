// The same answer as the other servers give, from a module: what the way through its interface costs. Built
// as an event module, and with MEASURED_BLOCKING as a blocking one.
#include <preforkd/module.hpp>

#include "tools/benchmark/measured_body.h"

namespace {

pfd::Response hello(const pfd::Request&) {
  return pfd::text(std::string(preforkd::benchmark::kMeasuredBody));
}

}  // namespace

#ifdef MEASURED_BLOCKING
PREFORKD_MODULE("measured", pfd::route{"GET", "/hello", hello});
#else
PREFORKD_EVENT_MODULE("measured", pfd::route{"GET", "/hello", hello});
#endif
