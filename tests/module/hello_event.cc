// The same greeting in the loop thread: faster, but nothing in it may wait.
#include <preforkd/module.hpp>

namespace {

pfd::Response hello(const pfd::Request& request) {
  return pfd::text("hello " + request.query("name").value_or("world") + "\n");
}

}  // namespace

PREFORKD_EVENT_MODULE("hello_event", pfd::route{"GET", "/hello", hello});
