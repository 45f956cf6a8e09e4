// The time that a request of a blocking module may take: while it waits for a thread, runs, streams, or was
// kept.
#include <doctest/doctest.h>

#include <cerrno>
#include <chrono>
#include <string>

#include "tests/loopback/http/later_bed.h"
#include "tests/loopback/module/blocking_bed.h"
#include "worker/module/http/host_request.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;

TEST_CASE("a handler that blocks for too long: 504, its backtrace, a new worker; the others wait or go") {
  Gate gate;
  std::atomic<int> result{1};
  Blocking blocking(
      [&](pfd_request* request) {
        gate.Wait();
        result = Respond(request, "late");
      },
      Timeout("50ms"));
  const auto stuck = blocking.bed.Ask(Get("/stuck"));
  const auto queued = blocking.bed.Ask(Get("/queued"));
  REQUIRE(blocking.bed.Answers(*stuck, 1));
  CHECK(blocking.bed.answers[0].status == 504);
  REQUIRE(blocking.bed.Answers(*queued, 1));
  CHECK(blocking.bed.answers[0].status == 504);
  CHECK(blocking.bed.replaced == 1);
  CHECK(blocking.log.Entries("thread_trace").size() > 3);
  CHECK(blocking.log.Entries("request_failed service=module").size() == 1);  // one each second
  CHECK(blocking.bed.handled == 1);
  CHECK(preforkd::Get(blocking.Row().requests_waiting) == 0);
  gate.Open();
  CHECK(blocking.Until([&] { return result != 1; }));
  CHECK(result == -EALREADY);
  const auto next = blocking.bed.Ask(Get("/next"));
  REQUIRE(blocking.bed.Answers(*next, 1));
  CHECK(blocking.bed.answers[0].body == "late");
}

TEST_CASE("a request that a thread has kept and left: 504, and no worker is replaced") {
  std::atomic<pfd_request*> kept{nullptr};
  Blocking blocking(
      [&](pfd_request* request) {
        Keep(request);
        kept = request;
      },
      Timeout("40ms"));
  const auto client = blocking.bed.Ask(Get("/"));
  REQUIRE(blocking.bed.Answers(*client, 1));
  CHECK(blocking.bed.answers[0].status == 504);
  CHECK(blocking.bed.gone == 1);
  CHECK(blocking.bed.replaced == 0);
  CHECK(Respond(kept, "x") == -EALREADY);
  Drop(kept);
}

TEST_CASE("a thread that streams: it may wait for its client, but not for anything else") {
  Gate gate;
  bool slow_client = false;
  SUBCASE("it hangs after a piece that the client has taken") {}
  SUBCASE("it waits for a slow client") { slow_client = true; }
  std::atomic<std::int64_t> last{1};
  Blocking blocking(
      [&](pfd_request* request) {
        Begin(request);
        Write(request, "x");
        if (!slow_client) gate.Wait();
        std::int64_t result = 0;
        for (int i = 0; i < 100 && result == 0; ++i) result = Write(request, std::string(20'000, 'x'));
        if (result == 0) result = End(request);
        last = result;
      },
      Timeout("50ms"));
  const auto client = blocking.bed.Ask(Get("/"));
  if (slow_client) {
    const Time end = Now() + milliseconds(200);
    CHECK(blocking.Until([&] { return Now() > end; }));
    CHECK(blocking.bed.replaced == 0);
    REQUIRE(blocking.Whole(*client));
    CHECK(blocking.Until([&] { return last != 1; }));  // the client has the end before the thread goes on
    CHECK(last == 0);
  } else {
    CHECK(blocking.Until([&] {
      client->Read();
      return client->Ended();
    }));
    CHECK(blocking.bed.replaced == 1);
    CHECK(blocking.log.Entries("thread_trace").size() > 3);
    gate.Open();
    CHECK(blocking.Until([&] { return last != 1; }));
    CHECK(last == -EALREADY);
  }
}

TEST_CASE("a thread that waited for its client, and hangs after that") {
  Gate gate;
  Blocking blocking(
      [&](pfd_request* request) {
        Begin(request);
        for (int i = 0; i < 100; ++i) Write(request, std::string(20'000, 'x'));
        gate.Wait();
        CHECK(End(request) == -EALREADY);
      },
      Timeout("50ms"));
  const auto client = blocking.bed.Ask(Get("/"));
  const Time end = Now() + milliseconds(200);
  CHECK(blocking.Until([&] { return Now() > end; }));
  CHECK(blocking.bed.replaced == 0);
  CHECK(blocking.Until([&] {
    client->Read();
    return client->Ended();
  }));
  CHECK(blocking.bed.replaced == 1);
  gate.Open();
}

}  // namespace
}  // namespace preforkd::testing
