// A module within the test itself, under the smallest host that serves a request: a plain answer costs no
// allocation of the wrapper's.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <preforkd/module.hpp>
#include <preforkd/testing.hpp>
#include <string>

namespace {

std::atomic<int> allocations{0};

pfd::Response hello(const pfd::Request& request) {
  return pfd::text("hello " + request.query("name").value_or("world"));
}

}  // namespace

// Not inlined: under -O2 gcc 12 would take free() for the mismatch of a new expression.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size); memory != nullptr) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

PREFORKD_EVENT_MODULE("plain", pfd::route{"GET", "/hello", hello});

namespace {

pfd_str Text(const char* text) { return {text, std::char_traits<char>::length(text)}; }

char answered[64];

pfd_host SmallHost() {
  pfd_host host{};
  host.size = sizeof(host);
  host.abi = PFD_ABI;
  host.method = [](const pfd_request*) { return Text("GET"); };
  host.path = [](const pfd_request*) { return Text("/hello"); };
  host.query = [](const pfd_request*) { return Text("name=Ada"); };
  host.respond = [](pfd_request*, int, const pfd_field*, std::size_t, pfd_str body) {
    std::char_traits<char>::copy(answered, body.data, body.size);
    return 0;
  };
  return host;
}

}  // namespace

TEST_CASE("a plain answer allocates nothing") {
  const pfd_host host = SmallHost();
  const pfd_module* module = preforkd_module();
  void* state = nullptr;
  char error[64] = "";
  REQUIRE(module->init(&host, nullptr, &state, error, sizeof(error)) == 0);
  const int before = allocations;
  module->handle(state, nullptr);
  CHECK(allocations == before);
  CHECK(std::string(answered) == "hello Ada");
  module->end(state);
}

TEST_CASE("the kit takes a module that is part of the test") {
  pfd::testing::Module m(preforkd_module());
  CHECK(m.get("/hello").body == "hello world");
}

TEST_CASE("a module that is wrong in itself is refused by its init") {
  pfd_host host = SmallHost();
  void* state = nullptr;
  char error[64] = "";
  host.abi = PFD_ABI + 1;
  CHECK(preforkd_module()->init(&host, nullptr, &state, error, sizeof(error)) != 0);
  CHECK(std::string(error) == "the server's interface is 2, this module was built for 1");

  // Static: a definition is never freed.
  static const auto* const kTwice =
      pfd::detail::define("twice", pfd::route{"GET", "/a", hello}, pfd::route{"GET", "/a", hello});
  CHECK(kTwice->problem == "two routes for GET /a");
  static const auto* const kRelative = pfd::detail::define("relative", pfd::route{"GET", "a", hello});
  CHECK(kRelative->problem == "the route a does not begin with '/'");
}
