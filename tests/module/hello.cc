// The first module that anybody writes: a greeting. Blocking, which is the default: its handler may wait.
#include <preforkd/module.hpp>

namespace {

pfd::setting::Text greeting{"greeting",
                            {.min = "1", .max = "40", .fallback = "hello", .doc = "What it says."}};
pfd::Counter greetings{"greetings", "Greetings that were answered."};

pfd::Response hello(const pfd::Request& request) {
  greetings.add();
  return pfd::text(std::string(*greeting) + " " + request.query("name").value_or("world") + "\n");
}

}  // namespace

PREFORKD_MODULE("hello", greeting, greetings, pfd::route{"GET", "/hello", hello});
