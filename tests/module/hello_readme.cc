// The first module of README.md. hello.cc is the same with a setting and a counter.
#include <preforkd/module.hpp>

pfd::Response hello(const pfd::Request& request) {
  return pfd::text("hello " + request.query("name").value_or("world") + "\n");
}
PREFORKD_MODULE("hello", pfd::route{"GET", "/hello", hello});
