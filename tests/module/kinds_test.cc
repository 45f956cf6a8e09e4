// Each kind of handler of module.hpp, against the kit.
#include <doctest/doctest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <preforkd/testing.hpp>
#include <string>

#include "tests/module/paths.h"

using pfd::testing::Answer;
using pfd::testing::Ask;
using pfd::testing::Module;
using pfd::testing::Pending;
using preforkd::testing::ModulePath;
using namespace std::chrono_literals;

namespace {

Ask Get(const std::string& target) { return {"GET", target, "", {}}; }

class Kinds {
 public:
  ~Kinds() { CHECK(m.problems().empty()); }
  Module m{ModulePath("kinds")};
};

}  // namespace

TEST_CASE_FIXTURE(Kinds, "answers from a timer") {
  Pending hour = m.start(Get("/timer"));
  Pending cancelled = m.start(Get("/cancelled"));
  m.advance(59min);
  CHECK_FALSE(hour.done());
  m.advance(1min);
  CHECK(hour.done());
  CHECK(hour.answer().body == "after an hour");
  CHECK_FALSE(cancelled.done());
  m.advance(1h);
  CHECK(cancelled.answer().body == "after two hours");
}

TEST_CASE_FIXTURE(Kinds, "answers from a posted call, a thread, a descriptor") {
  CHECK(m.get("/posted").body == "/posted");
  CHECK(m.get("/thread").body == "from a thread");
  CHECK(m.get("/thread-timer").body == "from the loop");
  CHECK(m.get("/watch").body == "ready");
}

TEST_CASE_FIXTURE(Kinds, "the client's leaving is told, and a late answer is refused") {
  Pending client = m.start(Get("/told"));
  CHECK(m.get("/left").body == "0");
  client.leave();
  CHECK(m.get("/left").body == "1");
  CHECK(m.get("/late").body == "refused");
}

TEST_CASE_FIXTURE(Kinds, "answered by the server in place of the module") {
  Pending client = m.start(Get("/told"));
  client.time_out();
  CHECK(client.answer().status == 504);
  CHECK(m.get("/left").body == "1");
  CHECK(m.get("/late").body == "refused");
}

TEST_CASE_FIXTURE(Kinds, "answers in pieces") {
  const Answer answer = m.get("/pieces");
  CHECK(answer.status == 201);
  CHECK(answer.field("x-kind") == "stream");
  CHECK(answer.body == "one two");
  CHECK(answer.complete);

  Pending kept = m.start(Get("/kept-stream"));
  CHECK(kept.so_far().body == "first ");
  CHECK_FALSE(kept.done());
  m.advance(1s);
  CHECK(kept.answer().body == "first second");
}

TEST_CASE_FIXTURE(Kinds, "an exception in the middle breaks the answer") {
  const Answer answer = m.get("/broken");
  CHECK(answer.status == 200);
  CHECK(answer.body == "half of it");
  CHECK_FALSE(answer.complete);
  CHECK(m.logged("in the middle"));
}

TEST_CASE_FIXTURE(Kinds, "a client that does not read stops the writer") {
  for (const char* target : {"/flood", "/flood-task"}) {
    CAPTURE(target);
    const std::size_t whole = 40 * 8192;
    CHECK(m.get(target).body.size() == whole);

    Pending slow = m.start({.target = target, .reads = false});
    m.advance(1min);
    // The first write that is above the limit is the last one.
    CHECK(slow.waiting() == 9 * 8192);
    slow.resume();
    CHECK(slow.answer().body.size() == whole);

    Pending leaves = m.start({.target = target, .reads = false});
    leaves.leave();
    CHECK(leaves.waiting() == 9 * 8192);
  }
  CHECK(m.logged("left in round 8"));
}

TEST_CASE_FIXTURE(Kinds, "coroutines") {
  Pending sleeper = m.start(Get("/sleeper"));
  Pending failing = m.start(Get("/failing"));
  m.advance(2s);
  CHECK(failing.answer().status == 418);
  CHECK(failing.answer().body == "after a second\n");
  CHECK_FALSE(sleeper.done());
  m.advance(1s);
  CHECK(sleeper.answer().body == "slept 3 /sleeper");
}

TEST_CASE_FIXTURE(Kinds, "a body in pieces") {
  CHECK(m.ask({"PUT", "/upload", "twelve bytes", {}}).body == "12 bytes");
  Pending upload = m.start_upload({"PUT", "/upload", "abc", {}});
  upload.send("defghijk");
  CHECK_FALSE(upload.done());
  upload.end_body();
  CHECK(upload.answer().body == "11 bytes");

  Pending lost = m.start_upload({"PUT", "/upload", "abc", {}});
  lost.lose_body();
  CHECK(lost.answer().status == 400);
}

TEST_CASE_FIXTURE(Kinds, "files") {
  std::string path = "/tmp/kinds-XXXXXX";
  const int fd = ::mkstemp(path.data());
  REQUIRE(::write(fd, "contents", 8) == 8);
  ::close(fd);
  const Answer answer = m.get("/file" + path);
  CHECK(answer.status == 200);
  CHECK(answer.body == "contents");
  CHECK(answer.field("content-type") == "application/octet-stream");
  ::unlink(path.c_str());
  CHECK(m.get("/file" + path).status == 404);
  CHECK(m.get("/file/tmp").status == 404);
}

TEST_CASE_FIXTURE(Kinds, "routes by prefix and by any method") {
  const Answer any = m.ask({"BREW", "/echo", "", {{"X-One", "1"}, {"x-one", "2"}}});
  CHECK(any.body == "BREW /echo\nX-One=1\nx-one=2");
  CHECK(any.field("x-peer")->starts_with("192.0.2.7:"));
  CHECK(m.post("/echo/a/b", "").body == "POST /echo/a/b\ncontent-type=text/plain");
  CHECK(m.get("/echo/deeper/x").body == "GET /echo/deeper/x");
  const Answer refused = m.get("/echo/a");
  CHECK(refused.status == 405);
  CHECK(refused.field("allow") == "POST");
}
