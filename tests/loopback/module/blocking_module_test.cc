// Requests of a module whose handler blocks an application thread: answers from threads, requests that wait,
// and the end of the worker.
#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/loopback/http/later_bed.h"
#include "tests/loopback/module/blocking_bed.h"
#include "worker/module/http/host_request.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;

TEST_CASE("answers of an application thread: whole, as a file is, in pieces, and none") {
  Blocking blocking([](pfd_request* request) {
    const std::string path = Path(request);
    if (path == "/whole") CHECK(Respond(request, "whole", 201, {{"X", "y"}}) == 0);
    if (path == "/twice") {
      CHECK(Respond(request, "first") == 0);
      CHECK(Respond(request, "second") == -EALREADY);
    }
    if (path == "/bad") CHECK(Respond(request, "x", 200, {{"X", "a\nb"}}) == -EINVAL);
    if (path == "/throw") throw std::runtime_error("on purpose");
    if (path == "/pieces") {
      CHECK(Write(request, "x") == -EINVAL);
      CHECK(Begin(request) == 0);
      CHECK(Write(request, "one ") == 0);
      CHECK(Write(request, "two") == 0);
      CHECK(End(request) == 0);
      CHECK(End(request) == -EALREADY);
    }
  });
  const std::vector<std::pair<std::string, int>> cases = {
      {"/whole", 201}, {"/twice", 200}, {"/bad", 500}, {"/throw", 500}, {"/nothing", 500}, {"/pieces", 200}};
  for (const auto& [path, status] : cases) {
    CAPTURE(path);
    const auto client = blocking.bed.Ask(Get(path, "Connection: close\r\n"));
    REQUIRE(blocking.Until([&] {
      client->Read();
      return client->Ended();
    }));
    const std::vector<Answer> answers = ParseAnswers(client->Received());
    REQUIRE(answers.size() >= 1);
    CHECK(answers[0].status == status);
    if (path == "/twice") CHECK(answers[0].body == "first");
    if (path == "/pieces") CHECK(Dechunk(client->Received()) == "one two");
  }
  CHECK(blocking.bed.handled == 6);
}

TEST_CASE("pipelined requests on one connection are answered in order, by any thread") {
  Blocking blocking([](pfd_request* request) { Respond(request, Path(request)); }, {.threads = 3});
  std::string sent;
  for (int i = 0; i < 30; ++i) sent += Get("/" + std::to_string(i));
  const auto client = blocking.bed.Ask(sent);
  REQUIRE(blocking.bed.Answers(*client, 30));
  for (std::size_t i = 0; i < 30; ++i) CHECK(blocking.bed.answers[i].body == "/" + std::to_string(i));
}

TEST_CASE("requests that wait for a thread are run in the order of their arrival, and counted") {
  Gate gate;
  std::mutex mutex;
  std::vector<std::string> order;
  Blocking blocking([&](pfd_request* request) {
    gate.Wait();
    const std::lock_guard lock(mutex);
    order.push_back(Path(request));
    Respond(request, "x");
  });
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(blocking.bed.Ask(Get("/" + std::to_string(i))));
  REQUIRE(blocking.Until([&] { return gate.Waiting() == 1; }));
  CHECK(preforkd::Get(blocking.Row().threads_busy) == 1);
  CHECK(preforkd::Get(blocking.Row().requests_waiting) == 7);
  // The time of the first look passes, and nobody else is there.
  const Time end = Now() + milliseconds(20);
  CHECK(blocking.Until([&] { return Now() > end; }));
  CHECK(blocking.bed.http->Travelled() == 0);
  gate.Open();
  for (const auto& client : clients) CHECK(blocking.bed.Answers(*client, 1));
  CHECK(order == std::vector<std::string>{"/0", "/1", "/2", "/3", "/4", "/5", "/6", "/7"});
  CHECK(blocking.Until([&] { return preforkd::Get(blocking.Row().threads_busy) == 0; }));
  CHECK(preforkd::Get(blocking.Row().requests_waiting) == 0);
}

TEST_CASE("requests that wait go to a worker with free threads, as many as it has, the oldest first") {
  Gate gate;
  Blocking blocking([&](pfd_request* request) {
    gate.Wait();
    Respond(request, Path(request));
  });
  WorkerEnv& env = blocking.bed.http->Env();
  WorkerRow& other = env.scoreboard.Use(Slot{4});
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(blocking.bed.Ask(Get("/" + std::to_string(i))));
  // Too large for a message.
  clients.push_back(blocking.bed.Ask(Post("Content-Length: 60000\r\n", std::string(60'000, 'x'))));
  clients.push_back(blocking.bed.Ask(Get("/6")));
  REQUIRE(blocking.Until([&] { return gate.Waiting() == 1; }));
  other.pool = env.row.pool.load();
  other.generation = env.row.generation.load();
  other.threads = 2;
  other.state = SlotState::kReady;
  REQUIRE(blocking.Until([&] {
    if (blocking.bed.http->Travelled() == 2) other.threads = 0;
    return blocking.bed.http->Travelled() >= 2;
  }));
  CHECK(blocking.bed.http->LastLuggage().unread.starts_with("GET /2 "));
  CHECK(blocking.bed.http->LastLuggage().unbegun);
  other.threads = 10;
  REQUIRE(blocking.Until([&] { return blocking.bed.http->Travelled() >= 6; }));
  other.threads = 0;
  CHECK(blocking.bed.http->Travelled() == 6);
  CHECK(preforkd::Get(env.row.requests_waiting) == 0);
  blocking.bed.http->Resume();
  gate.Open();
  for (const auto& client : clients) CHECK(blocking.bed.Answers(*client, 1));
  CHECK(blocking.bed.handled == 7);
  CHECK(blocking.bed.gone == 0);
}

TEST_CASE("a request whose body is still to be discarded waits in its worker") {
  Gate gate;
  Blocking blocking(
      [&](pfd_request* request) {
        gate.Wait();
        Respond(request, Path(request));
      },
      {.flags = PFD_NO_BODY});
  WorkerEnv& env = blocking.bed.http->Env();
  WorkerRow& other = env.scoreboard.Use(Slot{4});
  const auto first = blocking.bed.Ask(Get("/first"));
  REQUIRE(blocking.Until([&] { return gate.Waiting() == 1; }));
  // As another worker would read it, its body were over, and the rest the beginning of another request.
  const auto chunked = blocking.bed.Ask(Post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n"));
  const auto plain = blocking.bed.Ask(Get("/plain"));
  other.pool = env.row.pool.load();
  other.generation = env.row.generation.load();
  other.threads = 10;
  other.state = SlotState::kReady;
  REQUIRE(blocking.Until([&] { return blocking.bed.http->Travelled() == 1; }));
  other.threads = 0;
  CHECK(blocking.bed.http->LastLuggage().unread.starts_with("GET /plain "));
  blocking.bed.http->Resume();
  gate.Open();
  for (const auto* client : {&first, &chunked, &plain}) CHECK(blocking.bed.Answers(**client, 1));
}

TEST_CASE("kept by a handler, answered by a thread of the module's own") {
  std::vector<std::thread> threads;
  std::mutex mutex;
  Blocking blocking([&](pfd_request* request) {
    Keep(request);
    const std::lock_guard lock(mutex);
    threads.emplace_back([request] {
      Respond(request, Path(request));
      Drop(request);
    });
  });
  for (int i = 0; i < 20; ++i) {
    const auto client = blocking.bed.Ask(Get("/" + std::to_string(i)));
    REQUIRE(blocking.bed.Answers(*client, 1));
    CHECK(blocking.bed.answers[0].body == "/" + std::to_string(i));
  }
  CHECK(blocking.bed.Exit());  // all handlers have returned
  for (std::thread& thread : threads) thread.join();
}

// ---- streams ----

TEST_CASE("a thread that streams waits for its client, and every byte arrives") {
  constexpr std::size_t kSize = 5'000'000;
  std::atomic<std::size_t> written{0};
  Blocking blocking([&](pfd_request* request) {
    Begin(request);
    const std::string piece(10'000, 'x');
    for (; written < kSize; written += piece.size()) {
      if (Write(request, piece) != 0) return;
    }
    End(request);
  });
  const auto client = blocking.bed.Ask(Get("/"));
  CHECK(blocking.Until([&] { return preforkd::Get(blocking.Row().threads_busy) == 1; }));
  const Time end = Now() + milliseconds(50);
  CHECK(blocking.Until([&] { return Now() > end; }));
  CHECK(written < kSize / 2);
  REQUIRE(blocking.Whole(*client));
  CHECK(Dechunk(client->Received()).value_or("").size() == kSize);
}

TEST_CASE("a thread that streams learns that its client has left") {
  std::atomic<std::int64_t> result{0};
  Blocking blocking([&](pfd_request* request) {
    Begin(request);
    while (result == 0) result = Write(request, std::string(10'000, 'x'));
    CHECK(Write(request, "x") == -EPIPE);
    CHECK(End(request) == -EPIPE);
    CHECK(module::HostGone(request) == 1);
  });
  const auto client = blocking.bed.Ask(Get("/"), SocketKind::kTcp);
  client->Reset();
  CHECK(blocking.Until([&] { return result != 0; }));
  CHECK(result == -EPIPE);
  CHECK(blocking.bed.gone == 0);  // it was not kept
}

TEST_CASE("a thread reads a body in pieces, and waits for each") {
  std::mutex mutex;
  std::string body;
  std::int64_t result = 1;
  Blocking blocking(
      [&](pfd_request* request) {
        for (;;) {
          char bytes[1000];
          const std::int64_t size = module::HostRead(request, bytes, sizeof(bytes));
          const std::lock_guard lock(mutex);
          result = size;
          if (size <= 0) break;
          body.append(bytes, static_cast<std::size_t>(size));
        }
        Respond(request, "thanks");
      },
      {.flags = PFD_PIECES});
  const auto have = [&](std::size_t size) {
    const std::lock_guard lock(mutex);
    return body.size() == size;
  };
  const std::string all(700'000, 'b');
  const auto client = blocking.bed.Ask(Post("Content-Length: 700000\r\n", all.substr(0, 10)));
  CHECK(blocking.Until([&] { return have(10); }));
  SUBCASE("complete") {
    blocking.bed.http->Exchange(*client, std::string_view(all).substr(10));
    REQUIRE(blocking.bed.Answers(*client, 1));
    CHECK(blocking.bed.answers[0].body == "thanks");
    CHECK(body == all);
    CHECK(result == 0);
  }
  SUBCASE("the client leaves") {
    client->Close();
    CHECK(blocking.Until([&] {
      const std::lock_guard lock(mutex);
      return result < 0;
    }));
    CHECK(result == -EPIPE);
    CHECK(have(10));
  }
}

TEST_CASE("a body in pieces is not begun before a thread is free, and travels to where one is") {
  Gate gate;
  Blocking blocking(
      [&](pfd_request* request) {
        gate.Wait();
        std::string body;
        char bytes[1000];
        for (std::int64_t size = 1; size > 0;) {
          size = module::HostRead(request, bytes, sizeof(bytes));
          CHECK(size >= 0);
          body.append(bytes, static_cast<std::size_t>(std::max<std::int64_t>(size, 0)));
        }
        Respond(request, std::to_string(body.size()));
      },
      {.flags = PFD_PIECES});
  const auto first = blocking.bed.Ask(Get("/"));
  REQUIRE(blocking.Until([&] { return gate.Waiting() == 1; }));
  const std::string expects = "Expect: 100-continue\r\nContent-Length: 100000\r\n";
  const auto waits = blocking.bed.Ask(Post(expects, ""));
  const auto client = blocking.bed.Ask(Post("Content-Length: 100000\r\n", std::string(10'000, 'x')));
  WorkerEnv& env = blocking.bed.http->Env();
  WorkerRow& other = env.scoreboard.Use(Slot{4});
  other.pool = env.row.pool.load();
  other.generation = env.row.generation.load();
  other.threads = 2;
  other.state = SlotState::kReady;
  REQUIRE(blocking.Until([&] { return blocking.bed.http->Travelled() == 2; }));
  other.threads = 0;
  CHECK(blocking.bed.http->LastLuggage().unread.ends_with(std::string(10'000, 'x')));
  waits->Read();
  CHECK(waits->Received().empty());
  blocking.bed.http->Resume();
  gate.Open();
  REQUIRE(blocking.bed.Answers(*first, 1));
  REQUIRE(blocking.Until([&] {
    waits->Read();
    return waits->Received() == "HTTP/1.1 100 Continue\r\n\r\n";
  }));
  waits->Forget();
  blocking.bed.http->Exchange(*waits, std::string(100'000, 'x'));
  blocking.bed.http->Exchange(*client, std::string(90'000, 'x'));
  for (Client* one : {waits.get(), client.get()}) {
    REQUIRE(blocking.bed.Answers(*one, 1));
    CHECK(blocking.bed.answers[0].body == "100000");
  }
}

// ---- the end ----

TEST_CASE("retire and end run once in each thread") {
  Blocking blocking([](pfd_request* request) { Respond(request, "x"); }, {.threads = 3});
  blocking.bed.Retire();
  CHECK(blocking.Until([&] { return blocking.bed.retired == 3; }));
  CHECK(blocking.bed.Exit());
  CHECK(blocking.bed.ended == 3);
  CHECK(blocking.bed.retired == 3);
}

TEST_CASE("a worker does not wait for a thread that blocks") {
  Gate gate;
  Blocking blocking([&](pfd_request* request) {
    gate.Wait();
    CHECK(Respond(request, "x") == -EPIPE);  // the loop takes no more calls
  });
  const auto client = blocking.bed.Ask(Get("/"));
  REQUIRE(blocking.Until([&] { return gate.Waiting() == 1; }));
  const Time begin = Now();
  CHECK_FALSE(blocking.bed.Exit());
  CHECK(Now() - begin < std::chrono::seconds(5));
  CHECK(blocking.log.Entries("module_busy service=module").size() == 1);
  gate.Open();
  CHECK(blocking.bed.Exit());
}

}  // namespace
}  // namespace preforkd::testing
