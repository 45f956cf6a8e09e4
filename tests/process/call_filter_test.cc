// The system-call filter of workers: other calls are refused and logged, and no client notices; the sets that
// a service names are allowed.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/proc_status.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

ConfigText Config(const std::string& seccomp, const std::string& sets) {
  return ConfigText()
      .Workers(1)
      .Set("worker.seccomp", seccomp)
      .Listen("fault")
      .Service("fault", "fault", {{"system_calls", sets}});
}

std::string Try(const DaemonProcess& daemon, const std::string& call) {
  TcpClient client(daemon.Address());
  return client.SendAll(fmt::format("call {}\n", call)) ? client.ReadUntil("\n").value_or("no answer")
                                                        : "not sent";
}

struct Attempt {
  const char* call;
  const char* set;  // that allows it
};

// A file that exists, and one that does not.
std::vector<Attempt> Attempts() {
  return {{"socket", "network"}, {"write NEW", "files"}, {"fork", "processes"},
          {"exec", "processes"}, {"code", "code"},       {"thread", "threads"}};
}

std::string Filled(const DaemonProcess& daemon, std::string call) {
  const std::size_t place = call.find("NEW");
  return place == std::string::npos ? call : call.replace(place, 3, daemon.Path("new.log"));
}

}  // namespace

TEST_CASE(
    "a call outside the sets: refused with EPERM, logged with its name and its set, and serving goes on") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config("on", ""));
  daemon.ExpectEvent("calls_refused");
  daemon.Serve(1);
  const pid_t worker = daemon.WorkerPids().at(0);
  CHECK(StatusField(worker, "Seccomp") == "2");
  TcpClient kept(daemon.Address());
  REQUIRE(kept.SendAll("pid\n"));
  CHECK(kept.ReadUntil("\n") == fmt::format("{}\n", worker));
  for (const Attempt& attempt : Attempts()) {
    const std::string call = Filled(daemon, attempt.call);
    if (call == "thread") continue;  // below
    CAPTURE(call);
    CHECK(Try(daemon, call) == "EPERM\n");
  }
  CHECK(Try(daemon, "socket") == "EPERM\n");
  CHECK(Try(daemon, "block") == "EPERM\n");
  CHECK(Try(daemon, "read /etc/hostname") == "ok\n");
  CHECK(daemon.WaitForEvent("calls_refused sets~network"));
  // The same worker, and the client that it was serving.
  REQUIRE(kept.SendAll("pid\n"));
  CHECK(kept.ReadUntil("\n") == fmt::format("{}\n", worker));
  CHECK(daemon.WorkerPids() == std::vector<pid_t>{worker});
}

TEST_CASE(
    "a thousand refusals make two lines: the first, and the number of the others when the worker ends") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config("on", ""));
  daemon.ExpectEvent("calls_refused");
  daemon.Serve(1);
  TcpClient client(daemon.Address());
  REQUIRE(client.SendAll("call socket\n"));
  CHECK(client.ReadUntil("\n") == "EPERM\n");
  REQUIRE(daemon.WaitForEvent("calls_refused calls=\"socket:1\""));
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(client.SendAll("call socket\n"));
    REQUIRE(client.ReadUntil("\n") == "EPERM\n");
  }
  REQUIRE(daemon.Reload());
  CHECK(daemon.WaitForEvent("calls_refused calls=\"socket:1000\""));
  CHECK(daemon.AwaitEvents("calls_refused", 2) == 2);
}

// pthread_create(3) blocks every signal, so SIGSYS cannot be delivered and the kernel ends the process.
TEST_CASE("a call that is refused while signals are blocked: the worker is replaced, and the log says why") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config("on", ""));
  daemon.ExpectEvent("calls_refused");
  daemon.Serve(1);
  const pid_t worker = daemon.WorkerPids().at(0);
  daemon.ExpectEvent("worker_exited state=ready exit=SIGSYS");
  CHECK(Try(daemon, "thread") == "no answer");
  CHECK(daemon.WaitForEvent("worker_exited state=ready exit=SIGSYS"));
  CHECK(daemon.AwaitWorkers(1));
  CHECK(daemon.WorkerPids() != std::vector<pid_t>{worker});
  CHECK(Try(daemon, "read /etc/hostname") == "ok\n");
}

TEST_CASE("the same calls, each allowed by its set, which allows no other") {
  for (const Attempt& attempt : Attempts()) {
    CAPTURE(std::string(attempt.call));
    DaemonProcess daemon(kPreforkdWithFaults);
    daemon.WriteConfig(Config("on", attempt.set));
    daemon.ExpectEvent("calls_refused");
    daemon.Serve(1);
    CHECK(Try(daemon, Filled(daemon, attempt.call)) == "ok\n");
    CHECK(Try(daemon, std::string(attempt.set) == "network" ? "fork" : "socket") == "EPERM\n");
    CHECK(Try(daemon, "trace 1") == "EPERM\n");
  }
}

TEST_CASE("seccomp = log: the calls are allowed, under a filter with an audit log; off: no filter") {
  for (const auto& [mode, seccomp] : {std::pair{"log", "2"}, {"off", "0"}}) {
    CAPTURE(std::string(mode));
    DaemonProcess daemon(kPreforkdWithFaults);
    daemon.WriteConfig(Config(mode, ""));
    daemon.ExpectEvent("calls_refused");
    daemon.Serve(1);
    CHECK(StatusField(daemon.WorkerPids().at(0), "Seccomp") == seccomp);
    for (const Attempt& attempt : Attempts()) {
      CAPTURE(std::string(attempt.call));
      CHECK(Try(daemon, Filled(daemon, attempt.call)) == "ok\n");
    }
    CHECK(daemon.CountEvents("calls_refused") == 0);
  }
}

TEST_CASE("a misspelt set is an error that suggests the nearest name") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config("on", "file"));
  daemon.ExpectExit(78);
  CHECK(daemon.Run({"--check"}) == 78);
  CHECK(daemon.Stderr().find("service.fault.system_calls: 'file' does not fit") != std::string::npos);
  CHECK(daemon.Stderr().find("did you mean 'files'?") != std::string::npos);
}

}  // namespace preforkd::testing
