// Modules that do wrong (tests/module/rogue.cc) in the real server: at a start, a check, a reload, a request.
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <sys/socket.h>

#include <csignal>
#include <string>
#include <vector>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"

namespace preforkd::testing {
namespace {

#ifdef PREFORKD_SANITIZED
constexpr const char* kRequestTimeout = "5s";  // so long a report may take beside other work
#else
constexpr const char* kRequestTimeout = "500ms";
#endif

std::string ModulePath(const std::string& name) { return RunfilePath("tests/module/" + name + ".so"); }

ConfigText Config(const std::string& module = "rogue", const ConfigSettings& more = {}) {
  ConfigSettings settings = {{"path", ModulePath(module)}, {"request_timeout", kRequestTimeout}};
  settings.insert(settings.end(), more.begin(), more.end());
  return ConfigText()
      .Workers(1)
      .Set("parking.after", "1ms")
      .Set("supervision.start_timeout", "2s")
      .Listen("m")
      .Service("m", "module", settings);
}

struct Wrong {
  const char* module;
  const char* start;    // its setting; nullptr: it has none
  const char* check;    // what --check says
  const char* started;  // the event of a start; nullptr: the configuration is refused with the same text
  const char* reload;   // what preforkctl says
};

// What cannot be opened, or cannot start.
const std::vector<Wrong>& WrongStarts() {
  static const std::vector<Wrong> starts = {
      {"rogue_abi", nullptr, "is built for interface 2, this server has 1", nullptr,
       "is built for interface 2, this server has 1"},
      {"rogue_no_symbol", nullptr, "has no function preforkd_module", nullptr,
       "has no function preforkd_module"},
      {"rogue", "throws",
       ": service.m.path: a worker exited before it was ready: service m: the module's init failed: no "
       "database",
       "start_failed role=worker why~\"init failed: no database\"",
       "before it was ready: service m: the module's init failed: no database"},
      {"rogue", "crashes", "signal 6 (ABRT) while it started service m",
       "worker_exited state=starting exit=SIGABRT", "signal 6 (ABRT) while it started service m"},
      {"rogue", "hangs", "timed out before it was ready while it started service m",
       "worker_killed cause=start_timeout",
       "was not ready within its start_timeout: signal 9 (KILL) while it started service m"},
  };
  return starts;
}

ConfigText Config(const Wrong& wrong) {
  return wrong.start == nullptr ? Config(wrong.module) : Config(wrong.module, {{"start", wrong.start}});
}

int StatusOf(HttpClient& client, const std::string& target) {
  const auto response = client.Get(target);
  return response ? response->status : 0;
}

}  // namespace

TEST_CASE("a module that cannot start: refused at a check and at a start, with its reason") {
  for (const Wrong& wrong : WrongStarts()) {
    CAPTURE(std::string(wrong.check));
    DaemonProcess checked;
    checked.WriteConfig(Config(wrong));
    CHECK(checked.Run({"--check"}) == 78);
    CAPTURE(checked.Stderr());
    CHECK(checked.Stderr().find(wrong.check) != std::string::npos);
    checked.ExpectExit(78);
    const int code = wrong.started == nullptr ? 78 : 69;
    DaemonProcess daemon;
    daemon.WriteConfig(Config(wrong));
    daemon.ExpectEvent("worker_exited state=starting");
    CHECK(daemon.Run({}) == code);
    daemon.ExpectExit(code);
    if (wrong.started != nullptr) {
      CHECK(daemon.CountEvents(wrong.started) > 0);
      CHECK(daemon.CountEvents("gave_up") == 1);
    } else {
      CHECK(daemon.Stderr().find(wrong.check) != std::string::npos);
    }
  }
}

TEST_CASE("a reload to a module that cannot start: preforkctl says why, and the old generation serves on") {
  DaemonProcess daemon;
  daemon.ExpectEvent("worker_exited state=starting");
  daemon.WriteConfig(Config());
  daemon.Serve(1);
  HttpClient kept(daemon.Address());
  CHECK(kept.Get("/twice").value_or(HttpResponse{}).body == "first");
  for (const Wrong& wrong : WrongStarts()) {
    CAPTURE(std::string(wrong.reload));
    daemon.WriteConfig(Config(wrong));
    const CommandResult reload = Ctl(daemon, {"reload", "--wait"});
    CAPTURE(reload.err);
    CHECK(reload.code == 1);
    CHECK(reload.err.find(wrong.reload) != std::string::npos);
    CHECK(reload.err.find("generation 1 keeps serving") != std::string::npos);
    CHECK(kept.Get("/twice").value_or(HttpResponse{}).body == "first");
  }
  daemon.WriteConfig(Config());
  CHECK(Ctl(daemon, {"reload", "--wait"}).code == 0);
  CHECK(kept.Get("/twice").value_or(HttpResponse{}).body == "first");
}

TEST_CASE("the backtrace of a worker that crashed in a module names the module and the function") {
  DaemonProcess daemon;
  daemon.ExpectEvent("worker_exited state=ready exit=SIGABRT");
  daemon.WriteConfig(Config());
  daemon.Serve(1);
  HttpClient victim(daemon.Address());
  CHECK(StatusOf(victim, "/crashes") == 0);
  REQUIRE(daemon.WaitForEvent("worker_exited exit=SIGABRT"));
#ifndef PREFORKD_SANITIZED  // a sanitizer handles the signal
  CHECK(daemon.WaitForEvent("worker_backtrace symbol~rogue_aborts+0x symbol~(rogue.so+0x"));
  CHECK(daemon.CountEvents("worker_backtrace symbol~rogue.so+0x") > 1);
  CHECK(daemon.WaitForEvent("worker_backtrace symbol~preforkd::"));
#endif
  CHECK(daemon.AwaitWorkers(1));
}

TEST_CASE("a handler that does wrong costs its request, and the log names it") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config()
                         .Set("log.level", "debug")
                         .Listen("escape", "127.0.0.2:0")
                         .Service("escape", "module", {{"path", ModulePath("rogue_escape")}}));
  daemon.Serve(1);
  HttpClient kept(daemon.Address());
  for (const char* target : {"/line-break", "/bad-status", "/own-length", "/nothing"}) {
    CAPTURE(std::string(target));
    const auto response = kept.Get(target);
    REQUIRE(response);
    CHECK(response->status == 500);
    CHECK_FALSE(response->headers.contains("set-cookie"));
    CHECK_FALSE(response->headers.contains("x-name"));
  }
  CHECK(daemon.WaitForEvent("request_failed service=m"));
  CHECK(StatusOf(kept, "/throws") == 500);
  CHECK(StatusOf(kept, "/throws-number") == 500);
  CHECK(daemon.WaitForEvent("module_said service=m", 2));
  CHECK(kept.Get("/twice").value_or(HttpResponse{}).body == "first");
  CHECK(daemon.WaitForEvent("module_said service=m", 3));  // its second answer was refused
  HttpClient escape(daemon.Address(1));
  CHECK(StatusOf(escape, "/") == 500);
  CHECK(daemon.WaitForEvent("request_failed service=escape"));

  // Never, and too late: the worker stays.
  CHECK(StatusOf(kept, "/never") == 504);
  {
    HttpClient leaves(daemon.Address());
    REQUIRE(leaves.Ask("/never"));
    const linger at_once{1, 0};  // with a reset: after a FIN it could still be sent an answer
    REQUIRE(::setsockopt(leaves.Connection().Fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) == 0);
  }
  REQUIRE(daemon.WaitForEvent("conn_closed role=worker"));
  CHECK(kept.Get("/too-late").value_or(HttpResponse{}).body == "0 sent");
  CHECK(StatusOf(kept, "/never") == 504);
  CHECK(daemon.CountEvents("worker_started") == 1);
  CHECK(daemon.CountEvents("worker_asks_replacement") == 0);
}

TEST_CASE(
    "a handler that hangs, crashes or writes over memory costs its worker, and nobody else's connection") {
  DaemonProcess daemon;
  daemon.ExpectEvent("worker_exited state=ready");
  daemon.ExpectEvent("worker_exited state=retiring");
  daemon.ExpectReport();
  daemon.WriteConfig(Config()
                         .Workers(2)
                         .Listen("ops", "127.0.0.2:0")
                         .Service("ops", "status")
                         .Set("service.ops.pool", "ops")
                         .Pool("ops", {{"workers", 1}}));
  daemon.Serve(3);
  HttpClient kept(daemon.Address());
  HttpClient ops(daemon.Address(1));
  CHECK(kept.Get("/twice").value_or(HttpResponse{}).body == "first");
  CHECK(ops.Get("/metrics"));
  REQUIRE(daemon.AwaitAllParked());
  std::size_t exits = 0;
  for (const char* target : {"/crashes", "/overwrites", "/overwrites-server"}) {
    CAPTURE(std::string(target));
    HttpClient victim(daemon.Address());
    CHECK(StatusOf(victim, target) != 200);
    CHECK(daemon.WaitForEvent("worker_exited state=ready", ++exits));
    const LogEntry exit = daemon.Events("worker_exited state=ready").back();
    CAPTURE(exit.line);
    CHECK(exit.Number("lost") == 1);
    REQUIRE(daemon.AwaitWorkers(3));
    CHECK(kept.Get("/twice").value_or(HttpResponse{}).body == "first");
    CHECK(ops.Get("/metrics"));
    REQUIRE(daemon.AwaitAllParked());
  }
  CHECK(StatusOf(kept, "/hangs") == 504);
  CHECK(daemon.WaitForEvent("worker_asks_replacement role=master"));
  CHECK(kept.Get("/twice").value_or(HttpResponse{}).body == "first");
  CHECK(daemon.WaitForEvent("worker_retired"));
  REQUIRE(daemon.AwaitWorkers(3));
  CHECK(daemon.CountEvents("level=alert") == 0);
}

}  // namespace preforkd::testing
