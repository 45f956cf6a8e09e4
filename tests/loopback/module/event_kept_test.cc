// Requests of a module whose handler runs in the loop and keeps them: clients that leave, bodies in pieces,
// and the time that a request may take.
#include <doctest/doctest.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <thread>

#include "tests/loopback/module/event_bed.h"
#include "worker/module/http/host_request.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;

// ---- the client leaves ----

TEST_CASE("gone is told once, whatever happens to the client, and calls after that fail") {
  pfd_request* kept = nullptr;
  Event event([&](pfd_request* request) {
    Keep(request);
    kept = request;
  });
  const auto client = event.bed.Ask(Get("/"), SocketKind::kTcp);
  bool fin = false;
  SUBCASE("FIN") {
    client->Finish();
    fin = true;
  }
  SUBCASE("RST") { client->Reset(); }
  REQUIRE(event.bed.http->Until([&] { return event.bed.gone == 1; }));
  CHECK(module::HostGone(kept) == 1);
  if (fin) {
    CHECK(Respond(kept, "still") == 0);
    REQUIRE(event.bed.Answers(*client, 1));
  } else {
    CHECK(Begin(kept) == 0);
    std::int64_t result = 0;
    for (int i = 0; i < 10 && result >= 0; ++i) {
      result = Write(kept, "x");
      event.bed.http->Turn();
    }
    CHECK(result == -EPIPE);
    CHECK(Respond(kept, "x") == -EPIPE);
    CHECK(End(kept) == -EPIPE);
  }
  CHECK(event.bed.http->Until([&] { return event.bed.http->Live() == 0; }));
  CHECK(event.bed.gone == 1);
  Drop(kept);
}

TEST_CASE("a request may be dropped inside gone, also when an own call finds out") {
  pfd_request* kept = nullptr;
  Event event([&](pfd_request* request) {
    Keep(request);
    Begin(request);
    kept = request;
  });
  event.bed.on_gone = [&](pfd_request* request) {
    Drop(request);
    kept = nullptr;
  };
  const auto client = event.bed.Ask(Get("/"), SocketKind::kTcp);
  client->Reset();
  for (int i = 0; i < 1000 && kept != nullptr; ++i) Write(kept, "more");
  CHECK(event.bed.http->Until([&] { return kept == nullptr; }));
  CHECK(event.bed.gone == 1);
  CHECK(event.bed.http->Until([&] { return event.bed.http->Live() == 0; }));
}

TEST_CASE("nothing is told for a request that was dropped by a thread") {
  // The loop does not turn between the drop and the leaving of the client.
  for (int round = 0; round < 50; ++round) {
    pfd_request* kept = nullptr;
    Event event([&](pfd_request* request) {
      Keep(request);
      kept = request;
    });
    const auto client = event.bed.Ask(Get("/"), SocketKind::kTcp);
    client->Reset();
    std::thread([&] { Drop(kept); }).join();
    CHECK(event.bed.http->Until([&] { return event.bed.http->Live() == 0; }));
    CHECK(event.bed.gone == 0);
  }
}

// ---- a body in pieces ----

TEST_CASE("a body in pieces: arrived, read, and the client is held back meanwhile") {
  std::string body;
  bool complete = false;
  HttpModuleOptions options;
  options.flags = PFD_PIECES;
  Event event(
      [&](pfd_request* request) {
        char byte = 0;
        CHECK(module::HostRead(request, &byte, 1) == -EAGAIN);
        Keep(request);
      },
      options);
  bool reads = false;
  const auto read = [&](pfd_request* request) {
    std::string part(10'000, '\0');
    std::int64_t size = 0;
    while ((size = module::HostRead(request, part.data(), part.size())) > 0)
      body.append(part, 0, static_cast<std::size_t>(size));
    if (size != 0 || complete) return;
    complete = true;
    CHECK(Respond(request, "thanks") == 0);
    Drop(request);
  };
  pfd_request* last = nullptr;
  event.bed.on_arrived = [&](pfd_request* request) {
    last = request;
    if (reads) read(request);
  };
  const std::string all(900'000, 'b');
  const auto client = event.bed.http->Connect();
  std::string_view rest = all;
  REQUIRE(client->Write(Post("Content-Length: 900000\r\n", "")) > 0);
  event.bed.http->Turn();
  for (std::size_t step = 1; step > 0; event.bed.http->Turn()) {
    step = client->Write(rest);
    rest.remove_prefix(step);
  }
  CHECK(rest.size() > 100'000);  // held back
  reads = true;
  REQUIRE(last != nullptr);
  read(last);
  REQUIRE(event.bed.http->Until([&] {
    rest.remove_prefix(client->Write(rest));
    return complete;
  }));
  CHECK(body == all);
  REQUIRE(event.bed.Answers(*client, 1));
  CHECK(event.bed.answers[0].body == "thanks");
  CHECK(event.bed.gone == 0);
}

TEST_CASE("a body in pieces that never ends: read says so, and gone is told once") {
  HttpModuleOptions options;
  options.flags = PFD_PIECES;
  pfd_request* kept = nullptr;
  Event event(
      [&](pfd_request* request) {
        Keep(request);
        kept = request;
      },
      options);
  const auto client = event.bed.Ask(Post("Content-Length: 10\r\n", "abc"));
  client->Close();
  CHECK(event.bed.http->Until([&] { return event.bed.gone == 1; }));
  char bytes[10];
  CHECK(module::HostRead(kept, bytes, 10) == 3);
  CHECK(module::HostRead(kept, bytes, 10) == -EPIPE);
  CHECK(Respond(kept, "x") == -EPIPE);
  Drop(kept);
}

// ---- time ----

TEST_CASE("a kept request that is never answered: 504, gone, and a late answer is refused") {
  pfd_request* kept = nullptr;
  HttpModuleOptions options;
  options.settings = {{"request_timeout", "30ms"}};
  Event event(
      [&](pfd_request* request) {
        Keep(request);
        kept = request;
        if (Path(request) == "/stream") Begin(request);
      },
      options);
  SUBCASE("whole") {
    CHECK(event.Status() == 504);
    CHECK(event.bed.gone == 1);
    CHECK(module::HostGone(kept) == 1);
    CHECK(Respond(kept, "late") == -EALREADY);
    CHECK(Begin(kept) == -EALREADY);
    CHECK(event.log.Entries("request_failed service=module").size() == 1);
    CHECK(event.bed.replaced == 0);
  }
  SUBCASE("a streamed one may be silent for as long as it likes") {
    const auto client = event.bed.Ask(Get("/stream"));
    const Time end = Now() + milliseconds(120);
    CHECK(event.bed.http->Until([&] { return Now() > end; }));
    CHECK(event.bed.gone == 0);
    CHECK(Write(kept, "x") == 0);
    CHECK(End(kept) == 0);
    event.bed.http->Turn();
    client->Read();
    CHECK(Dechunk(client->Received()) == "x");
  }
  Drop(kept);
}

TEST_CASE("retire and end are called once") {
  Event event([](pfd_request* request) { Respond(request, "x"); });
  CHECK(event.bed.Exit());
  CHECK(event.bed.ended == 1);
}

}  // namespace
}  // namespace preforkd::testing
