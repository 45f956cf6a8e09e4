// Requests of a module whose handler runs in the loop: each way to answer, each error, and what a module must
// not do.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/loopback/module/event_bed.h"
#include "worker/module/host/host_loop.h"
#include "worker/module/http/host_request.h"
#include "worker/module/module_library.h"

namespace preforkd::testing {
namespace {

int File(const std::string& text) {
  const int fd = ::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  REQUIRE(::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  return fd;
}

TEST_CASE("a whole answer with fields") {
  Event event([](pfd_request* request) {
    CHECK(Text(module::HostMethod(request)) == "POST");
    CHECK(Text(module::HostTarget(request)) == "/later");
    CHECK(Text(module::HostBody(request)) == "body");
    CHECK(Text(module::HostField(request, Str("x-a"), 1)) == "two");
    CHECK(Text(module::HostField(request, Str("x-a"), 2)) == "absent");
    CHECK(Text(module::HostAuthority(request)) == "a");
    const pfd_field* fields = nullptr;
    CHECK(module::HostFields(request, &fields) == 4);
    CHECK(Text(fields[3].name) == "Content-Length");
    char bytes[3];
    CHECK(module::HostRead(request, bytes, 3) == 3);
    CHECK(module::HostRead(request, bytes, 3) == 1);
    CHECK(module::HostRead(request, bytes, 3) == 0);
    CHECK(module::HostGone(request) == 0);
    CHECK(Respond(request, "made", 201, {{"X-B", "c"}, {"Content-Type", "text/x"}}) == 0);
  });
  const auto client = event.bed.Ask(Post("X-A: one\r\nX-A: two\r\nContent-Length: 4\r\n", "body"));
  REQUIRE(event.bed.Answers(*client, 1));
  CHECK(event.bed.answers[0].status == 201);
  CHECK(event.bed.answers[0].body == "made");
  CHECK(event.bed.answers[0].Field("x-b") == "c");
  CHECK(event.bed.answers[0].Field("content-type") == "text/x");
}

TEST_CASE("the conditions of a client, and the server's own page for a status") {
  Event event([](pfd_request* request) {
    const int condition = module::HostPrecondition(request, Str("\"1\""));
    const pfd_field tag{Str("ETag"), Str("\"1\"")};
    CHECK(module::HostRespondPage(request, condition == 0 ? 404 : condition, &tag, 1) == 0);
    CHECK(module::HostRespondPage(request, 404, nullptr, 0) == -EALREADY);
  });
  const auto ask = [&](const std::string& field) {
    const auto client = event.bed.Ask(Get("/", field));
    REQUIRE(event.bed.Answers(*client, 1));
    CHECK(event.bed.answers[0].Field("etag") == "\"1\"");
    return event.bed.answers[0];
  };
  const Answer page = ask("");
  CHECK(page.status == 404);
  CHECK(page.Field("content-type") == "text/html; charset=utf-8");
  CHECK(page.body.find("<h1>404</h1>") != std::string::npos);
  const Answer same = ask("If-None-Match: \"0\", W/\"1\"\r\n");
  CHECK(same.status == 304);
  CHECK(same.body.empty());
  CHECK(same.Field("content-type").empty());
  CHECK(ask("If-Match: \"0\"\r\n").status == 412);
}

TEST_CASE("a page for a status that no answer has is a 500") {
  Event event(
      [](pfd_request* request) { CHECK(module::HostRespondPage(request, 99, nullptr, 0) == -EINVAL); });
  CHECK(event.Status() == 500);
}

TEST_CASE("a module that needs no body is called before it comes, and does not get it") {
  bool later = false;
  SUBCASE("answered at once") {}
  SUBCASE("answered later") { later = true; }
  pfd_request* kept = nullptr;
  Event event(
      [&](pfd_request* request) {
        CHECK(Text(module::HostBody(request)).empty());
        char byte = 0;
        CHECK(module::HostRead(request, &byte, 1) == 0);
        if (!later) return static_cast<void>(Respond(request, Path(request)));
        Keep(request);
        kept = request;
      },
      {.flags = PFD_NO_BODY});
  const auto client = event.bed.Ask(Post("Content-Length: 100000\r\n", "the beginning"));
  if (later) {
    REQUIRE(event.bed.http->Until([&] { return kept != nullptr; }));
    CHECK(Respond(kept, "later") == 0);
    Drop(kept);
    later = false;
  }
  REQUIRE(event.bed.Answers(*client, 1));
  // The rest is discarded, and the next request of the connection is served.
  event.bed.http->Exchange(*client, std::string(100'000 - 13, 'x') + Get("/next"));
  REQUIRE(event.bed.Answers(*client, 2));
  CHECK(event.bed.answers[1].body == "/next");
}

TEST_CASE("a table that asks for bodies in pieces and for none is refused") {
  pfd_module table{};
  table.size = sizeof(table);
  table.abi = PFD_ABI;
  table.init = [](const pfd_host*, pfd_service*, void**, char*, std::size_t) { return 0; };
  table.handle = [](void*, pfd_request*) {};
  for (const int flags : {0, int{PFD_PIECES}, int{PFD_NO_BODY}}) {
    table.flags = static_cast<std::uint32_t>(flags);
    CHECK(CheckModule(&table).Ok());
  }
  table.flags = PFD_PIECES | PFD_NO_BODY;
  CHECK(CheckModule(&table).Err().text.find("PFD_NO_BODY") != std::string::npos);
  table.flags = 8;
  CHECK(CheckModule(&table).Err().text.find("0x8") != std::string::npos);
}

TEST_CASE("a part of a file") {
  std::uint64_t offset = 2;
  std::uint64_t size = 3;
  int status = 200;
  std::string body = "cde";
  bool pipe = false;
  SUBCASE("a part") {}
  SUBCASE("up to its end") {
    size = UINT64_MAX;
    body = "cdef";
  }
  SUBCASE("nothing") {
    offset = 6;
    size = UINT64_MAX;
    body = "";
  }
  SUBCASE("more than there is") {
    size = 5;
    status = 500;
  }
  SUBCASE("behind its end") {
    offset = 7;
    size = 0;
    status = 500;
  }
  SUBCASE("not a file") {
    pipe = true;
    status = 500;
  }
  int fd = -1;
  Event event([&](pfd_request* request) {
    fd = pipe ? ::open("/dev/null", O_RDONLY | O_CLOEXEC) : File("abcdef");
    CHECK(module::HostRespondFile(request, 200, nullptr, 0, fd, offset, size) ==
          (status == 200 ? 0 : -EINVAL));
  });
  CHECK(event.Status() == status);
  if (status == 200) CHECK(event.bed.answers.front().body == body);
  CHECK(::fcntl(fd, F_GETFD) == -1);  // closed in each case
}

TEST_CASE("an answer that HTTP cannot carry is a 500, and the module is told") {
  const std::vector<std::pair<int, Fields>> bad = {
      {199, {}},
      {600, {}},
      {200, {{"X", "a\r\nSet-Cookie: b"}}},
      {200, {{"X\n", "a"}}},
      {200, {{"", "a"}}},
      {200, {{"content-length", "5"}}},
      {200, {{"Transfer-Encoding", "chunked"}}},
  };
  for (const auto& [status, fields] : bad) {
    for (const bool streamed : {false, true}) {
      CAPTURE(status);
      CAPTURE(streamed);
      Event event([&, status = status, &fields = fields](pfd_request* request) {
        if (!streamed) {
          CHECK(Respond(request, "x", status, fields) == -EINVAL);
          return;
        }
        CHECK(Begin(request, status, fields) == -EINVAL);
        CHECK(Write(request, "x") == -EALREADY);
        CHECK(End(request) == -EALREADY);
      });
      CHECK(event.Status() == 500);
      CHECK(event.client->Received().find("Set-Cookie") == std::string::npos);
      CHECK(event.log.Entries("request_failed service=module").size() == 1);
      CHECK(event.Status() == 500);  // the next one is served as well
    }
  }
}

TEST_CASE("what a handler must not do costs its own request only") {
  int status = 500;
  HttpModuleBed::Call handle;
  SUBCASE("no answer") {
    handle = [](pfd_request*) {};
  }
  SUBCASE("a std::exception") {
    handle = [](pfd_request*) { throw std::runtime_error("on purpose"); };
  }
  SUBCASE("something else thrown") {
    handle = [](pfd_request*) { throw 5; };
  }
  SUBCASE("kept and thrown") {
    handle = [](pfd_request* request) {
      Keep(request);
      Drop(request);
      throw std::runtime_error("on purpose");
    };
  }
  SUBCASE("kept and dropped") {
    handle = [](pfd_request* request) {
      Keep(request);
      Drop(request);
    };
  }
  SUBCASE("dropped more often than kept") {
    handle = [](pfd_request* request) {
      for (int i = 0; i < 5; ++i) Drop(request);
      Respond(request, "x");
    };
    status = 200;
  }
  Event event(handle);
  CHECK(event.Status() == status);
  CHECK(event.log.Entries("request_failed service=module").size() == 1);
  CHECK(event.Status() == status);
}

TEST_CASE("each call after the answer is refused, and a piece without a head") {
  Event event([](pfd_request* request) {
    CHECK(Write(request, "x") == -EINVAL);
    CHECK(End(request) == -EINVAL);
    CHECK(Respond(request, "first") == 0);
    CHECK(Respond(request, "second") == -EALREADY);
    const int fd = File("x");
    CHECK(module::HostRespondFile(request, 200, nullptr, 0, fd, 0, 1) == -EALREADY);
    CHECK(::fcntl(fd, F_GETFD) == -1);
    CHECK(Begin(request) == -EALREADY);
    CHECK(Write(request, "x") == -EALREADY);
    CHECK(End(request) == -EALREADY);
    if (Path(request) == "/keep") {
      Keep(request);
      CHECK(Respond(request, "third") == -EALREADY);
      Drop(request);
    }
  });
  CHECK(event.Status("/") == 200);
  CHECK(event.bed.answers[0].body == "first");
  CHECK(event.Status("/keep") == 200);
  CHECK(event.bed.answers[0].body == "first");
}

TEST_CASE("a kept request is answered from a timer, or from another thread") {
  pfd_request* kept = nullptr;
  void* data = &kept;
  Event event([&](pfd_request* request) {
    Keep(request);
    module::HostSetData(request, data);
    kept = request;
  });
  const auto client = event.bed.Ask(Get("/path", "X: y\r\n"));
  REQUIRE(kept != nullptr);
  CHECK(Path(kept) == "/path");
  CHECK(Text(module::HostField(kept, Str("x"), 0)) == "y");
  CHECK(module::HostData(kept) == data);
  SUBCASE("timer") {
    const auto answer = [](void* request) {
      CHECK(Respond(static_cast<pfd_request*>(request), "from a timer") == 0);
      Drop(static_cast<pfd_request*>(request));
    };
    REQUIRE(module::HostAfter(event.bed.State(), 5'000'000, answer, kept) != nullptr);
    REQUIRE(event.bed.Answers(*client, 1));
    CHECK(event.bed.answers[0].body == "from a timer");
  }
  SUBCASE("thread") {
    std::thread thread([&] {
      CHECK(Respond(kept, "from a thread") == 0);
      CHECK(Respond(kept, "again") == -EALREADY);
      Drop(kept);
    });
    thread.join();
    REQUIRE(event.bed.Answers(*client, 1));
    CHECK(event.bed.answers[0].body == "from a thread");
  }
  SUBCASE("thread, streamed") {
    std::thread thread([&] {
      CHECK(Begin(kept) == 0);
      for (int i = 0; i < 100; ++i) CHECK(Write(kept, "piece ") == 0);
      CHECK(End(kept) == 0);
      Drop(kept);
    });
    CHECK(event.bed.http->Until([&] {
      client->Read();
      return client->Received().ends_with("\r\n0\r\n\r\n");
    }));
    thread.join();
    CHECK(Dechunk(client->Received()).value_or("").size() == 600);
  }
  SUBCASE("dropped by a thread without an answer") {
    std::thread([&] { Drop(kept); }).join();
    REQUIRE(event.bed.Answers(*client, 1));
    CHECK(event.bed.answers[0].status == 500);
  }
  CHECK(event.bed.gone == 0);
}

TEST_CASE("answered, and kept after that") {
  pfd_request* kept = nullptr;
  Event event([&](pfd_request* request) {
    CHECK(Respond(request, "at once") == 0);
    Keep(request);
    kept = request;
  });
  CHECK(event.Status() == 200);
  CHECK(event.bed.answers[0].body == "at once");
  CHECK(Respond(kept, "again") == -EALREADY);
  event.client->Close();
  event.bed.http->Turn();
  Drop(kept);
}

TEST_CASE("a streamed answer inside the handler: drained once for what waits") {
  Event event([&](pfd_request* request) {
    Keep(request);
    CHECK(Begin(request, 200, {{"Content-Type", "text/x"}}) == 0);
    CHECK(Write(request, std::string(1'000'000, 'x')) > 64 * 1024);
  });
  event.bed.on_drained = [](pfd_request* request) {
    CHECK(Write(request, "end") >= 0);
    CHECK(End(request) == 0);
    CHECK(Write(request, "x") == -EALREADY);
    Drop(request);
  };
  const auto client = event.bed.Ask(Get("/"));
  REQUIRE(event.bed.http->Until([&] {
    client->Read();
    return client->Received().ends_with("\r\n0\r\n\r\n");
  }));
  CHECK(Dechunk(client->Received()).value_or("").size() == 1'000'003);
  CHECK(event.bed.drained == 1);
  CHECK(event.bed.gone == 0);
}

TEST_CASE("a streamed answer that is dropped before its end is cut") {
  Event event([&](pfd_request* request) {
    CHECK(Begin(request) == 0);
    CHECK(Write(request, "half") >= 0);
  });
  const auto client = event.bed.Ask(Get("/"));
  CHECK(event.bed.http->Until([&] {
    client->Read();
    return client->Ended();
  }));
  CHECK(AfterHead(client->Received()) == "4\r\nhalf\r\n");
  CHECK(event.log.Entries("request_failed service=module").size() == 1);
}

}  // namespace
}  // namespace preforkd::testing
