// Measured: in the steady state a hello of an event module takes nothing from the heap on our side, neither
// with fields nor in a timer's answer. This binary counts the calls of operator new.
#include <doctest/doctest.h>

#include <string>

#include "tests/loopback/http/later_bed.h"
#include "tests/loopback/module/http_module_bed.h"
#include "tests/support/heap_count.h"
#include "worker/module/http/host_request.h"

namespace preforkd::testing {
namespace {

std::size_t AllocationsOfOne(HttpModuleBed& bed, Client& client, const std::string& request) {
  REQUIRE(client.Write(request) == request.size());
  const std::size_t before = Heap().allocations;
  bed.http->Turn();
  const std::size_t count = Heap().allocations - before;
  client.Read();
  const auto answers = ParseAnswers(client.Received());
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].body == "hello world");
  client.Forget();
  return count;
}

void CheckNone(HttpModuleBed& bed) {
  const auto client = bed.http->Connect();
  bed.http->Turn();
  const std::string request =
      Get("/hello?name=world", "User-Agent: test/1.0\r\nAccept: */*\r\nCookie: a=b; c=d\r\n");
  for (int i = 0; i < 10; ++i) AllocationsOfOne(bed, *client, request);
  for (int i = 0; i < 100; ++i) CHECK(AllocationsOfOne(bed, *client, request) == 0);
}

TEST_CASE("a plain hello") {
  HttpModuleBed bed({}, [](pfd_request* request) {
    static constexpr pfd_field kType{{"Content-Type", 12}, {"text/plain", 10}};
    CHECK(module::HostPath(request).size == 6);
    CHECK(module::HostField(request, {"cookie", 6}, 0).size == 8);
    CHECK(module::HostRespond(request, 200, &kType, 1, {"hello world", 11}) == 0);
  });
  CheckNone(bed);
}

TEST_CASE("one that looks at all fields and at the client") {
  HttpModuleBed bed({}, [](pfd_request* request) {
    const pfd_field* fields = nullptr;
    CHECK(module::HostFields(request, &fields) == 4);
    CHECK(module::HostPeer(request).size > 0);
    CHECK(module::HostRespond(request, 200, nullptr, 0, {"hello world", 11}) == 0);
  });
  CheckNone(bed);
}

}  // namespace
}  // namespace preforkd::testing
