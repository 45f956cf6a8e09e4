// Misbehaviour costs one request, and the log says what happened.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <preforkd/testing.hpp>
#include <string>

#include "tests/module/paths.h"

using pfd::testing::Answer;
using pfd::testing::LoadError;
using pfd::testing::Module;
using pfd::testing::Pending;
using pfd::testing::Settings;
using preforkd::testing::ModulePath;
using namespace std::chrono_literals;

namespace {

// What a module that cannot be loaded says.
std::string Refusal(const std::string& name, const Settings& settings = {}) {
  try {
    Module m(ModulePath(name), settings, {.limit = 200ms});
  } catch (const LoadError& error) {
    return error.what();
  }
  return "it was loaded";
}

bool Holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("exceptions") {
  Module m(ModulePath("rogue"));
  const Answer answer = m.get("/throws");
  CHECK(answer.status == 500);
  CHECK(answer.body == "internal server error\n");
  CHECK(m.logged("GET /throws of connection 1: no such luck"));
  CHECK(m.get("/throws-number").status == 500);
  CHECK(m.logged("connection 2: an exception that is no std::exception"));
  CHECK(m.problems().empty());
}

TEST_CASE("answers that HTTP cannot carry, and two of them") {
  Module m(ModulePath("rogue"));
  for (const char* target : {"/line-break", "/bad-status", "/own-length", "/nothing"}) {
    CAPTURE(target);
    const Answer answer = m.get(target);
    CHECK(answer.status == 500);
    CHECK_FALSE(answer.field("x-name"));
  }
  CHECK(m.get("/twice").body == "first");
  // The thread of the module goes on after the client has its answer.
  CHECK(m.run_until([&] { return m.logged("the second answer was refused"); }));
  CHECK(m.problems().empty());
}

TEST_CASE("never, and too late") {
  Module m(ModulePath("rogue"), {}, {.limit = 200ms});
  CHECK(m.get("/never").status == 504);
  Pending left = m.start({"GET", "/never", "", {}});
  left.leave();
  Pending waits = m.start({"GET", "/never", "", {}});
  CHECK(m.get("/too-late").body == "1 sent");
  CHECK(waits.answer().body == "at last");
  CHECK(m.problems().empty());
}

TEST_CASE("a handler that hangs costs its thread") {
  Module m(ModulePath("rogue"), {}, {.threads = 2, .limit = 200ms});
  CHECK(m.get("/hangs").status == 504);
  CHECK(m.get("/twice").body == "first");
}

TEST_CASE("starts that are refused") {
  CHECK(Refusal("rogue", {{"start", "throws"}}) == "init failed: no database");
  CHECK(Refusal("rogue", {{"start", "hangs"}}) == "init does not return");
  CHECK(Refusal("rogue_abi") == "the module was built for interface 2, this is 1");
  CHECK(Holds(Refusal("rogue_no_symbol"), "has no symbol preforkd_module"));
  CHECK(Holds(Refusal("no_such_file"), "cannot open shared object file"));
}

TEST_CASE("an exception that leaves the module is a problem") {
  Module m(ModulePath("rogue_escape"));
  CHECK(m.get("/").status == 500);
  REQUIRE(m.problems().size() == 1);
  CHECK(m.problems()[0] == "an exception left handle()");
}

TEST_CASE("a crash in init") {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);  // doctest's would print a report
    Refusal("rogue", {{"start", "crashes"}});
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
}
