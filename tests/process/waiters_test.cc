// Each waiter for the outcome of a change is answered once, with the outcome of that change, whatever happens
// meanwhile: forks fail, injected by strace or by a limit; changes wait for one another; the server stops.
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <list>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/program_shelf.h"
#include "tests/support/strace.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

constexpr const char* kReloadWait = R"({"command":"reload","wait":true})";
constexpr const char* kUpgradeWait = R"({"command":"upgrade","wait":true})";
constexpr const char* kNoForks = "inject=clone,clone3,fork,vfork:error=EAGAIN";

ConfigText Config(const ConfigSettings& fault = {}) {
  return ConfigText()
      .Workers(2)
      .Set("supervision.backoff_min", "100ms")
      .Set("supervision.drain_timeout", "1s")
      .Listen("s")
      .Service("s", "fault", fault);
}

// One connection to the control socket, with one command on it.
class Waiter {
 public:
  Waiter(const DaemonProcess& daemon, const std::string& request)
      : client_("unix:" + daemon.Path("control.sock")) {
    REQUIRE(client_.SendAll(request + "\n"));
  }

  // Empty if there is none.
  std::string Answer() { return client_.ReadUntil("\n").value_or(""); }
  // True if there was no second answer: the next one is that to the next command.
  bool AnsweredOnce() {
    return client_.SendAll("{\"command\":\"dance\"}\n") &&
           client_.ReadUntil("\n").value_or("") == "{\"ok\":false,\"message\":\"unknown command 'dance'\"}\n";
  }

 private:
  TcpClient client_;
};

bool Refuses(const std::string& answer, const std::string& why) {
  return answer.starts_with(R"({"ok":false,)") && answer.find(why) != std::string::npos;
}
bool Grants(const std::string& answer, const std::string& what) {
  return answer.starts_with(R"({"ok":true,)") && answer.find(what) != std::string::npos;
}

// As long as this object lives the server cannot fork.
class NoForks {
 public:
  explicit NoForks(const DaemonProcess& daemon)
      : strace_(daemon.MasterPid(), {"-e", kNoForks}, daemon.Path("strace.log")) {}
  [[nodiscard]] bool Possible() const {
    if (strace_.Attached()) return true;
    MESSAGE("skipped: strace is missing or may not trace");
    return false;
  }

 private:
  Strace strace_;
};

// Run as the server's user: changing another user's limit takes a capability that root may lack.
bool LimitProcesses(const DaemonProcess& daemon, const std::string& limit) {
  return std::system(
             fmt::format("setpriv --reuid=65534 --regid=65534 --clear-groups prlimit --pid {} --nproc={}:",
                         daemon.MasterPid(), limit)
                 .c_str()) == 0;
}

}  // namespace

TEST_CASE("a reload whose workers cannot be forked: each waiter gets the outcome of its own reload") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  std::optional<NoForks> none(std::in_place, daemon);
  if (!none->Possible()) return;
  Waiter first(daemon, kReloadWait);
  CHECK(Refuses(first.Answer(),
                "generation 2 abandoned: a worker could not be forked; generation 1 keeps serving"));
  Waiter second(daemon, kReloadWait);
  CHECK(Refuses(second.Answer(), "generation 3 abandoned: "));
  none.reset();
  Waiter third(daemon, kReloadWait);
  CHECK(Grants(third.Answer(), "generation 4 serves"));
  for (Waiter* waiter : {&first, &second, &third}) CHECK(waiter->AnsweredOnce());
  CHECK(daemon.AwaitWorkers(2));
}

TEST_CASE("a reload without --wait that has already failed is reported as failed") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  const NoForks none(daemon);
  if (!none.Possible()) return;
  Waiter waiter(daemon, R"({"command":"reload"})");
  CHECK(Refuses(waiter.Answer(), "generation 2 abandoned: a worker could not be forked"));
  CHECK(waiter.AnsweredOnce());
}

TEST_CASE("a reload at the limit of RLIMIT_NPROC: each waiter gets the outcome of its own reload") {
  DaemonProcess daemon(kPreforkdWithFaults);
  if (!daemon.BecomeNobody(1024)) {
    MESSAGE("skipped: needs root and more than one user id");
    return;
  }
  daemon.WriteConfig(Config());
  std::filesystem::permissions(daemon.ConfigPath(), std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  daemon.Serve(2);
  REQUIRE(LimitProcesses(daemon, "1"));
  Waiter first(daemon, kReloadWait);
  CHECK(Refuses(first.Answer(), "generation 2 abandoned: a worker could not be forked"));
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NPROC, &before) == 0);
  REQUIRE(LimitProcesses(daemon,
                         before.rlim_cur == RLIM_INFINITY ? "unlimited" : std::to_string(before.rlim_cur)));
  Waiter second(daemon, kReloadWait);
  CHECK(Grants(second.Answer(), "generation 3 serves"));
  for (Waiter* waiter : {&first, &second}) CHECK(waiter->AnsweredOnce());
  CHECK(daemon.AwaitWorkers(2));
}

TEST_CASE("every other command is answered too while the server cannot fork") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  {
    const NoForks none(daemon);
    if (!none.Possible()) return;
    Waiter upgrade(daemon, kUpgradeWait);
    CHECK(Refuses(upgrade.Answer(), "upgrade refused: fork"));
    Waiter scale(daemon, R"({"command":"scale","workers":3})");
    CHECK(Grants(scale.Answer(), "worker count set to 3"));
    Waiter retire(daemon, R"({"command":"retire","slot":0})");
    CHECK(Grants(retire.Answer(), "the worker in slot 0 retires when its replacement is ready"));
    Waiter again(daemon, R"({"command":"retire","slot":0})");
    CHECK(Refuses(again.Answer(), "is being replaced already"));
    Waiter reopen(daemon, R"({"command":"reopen-logs"})");
    CHECK(Grants(reopen.Answer(), "all processes write to the reopened logs"));
    for (Waiter* waiter : {&upgrade, &scale, &retire, &again, &reopen}) CHECK(waiter->AnsweredOnce());
  }
  CHECK(daemon.AwaitWorkers(3));  // as soon as it can fork again
  daemon.RebaseDescriptors();
}

TEST_CASE("changes that wait for one another: each waiter gets the outcome of its own") {
  ProgramShelf shelf(kPreforkd);
  DaemonProcess daemon(shelf.Path());
  daemon.Serve(2, {"--service", "echo", "--listen", "127.0.0.1:0", "--workers", "2"});
  shelf.PutBytes("#!/bin/sh\necho I am new here\nexit 0\n", true);
  daemon.Signal(SIGSTOP);  // so that all commands are sent before the first is read
  Waiter first(daemon, kReloadWait);
  Waiter upgrade(daemon, kUpgradeWait);
  Waiter last(daemon, kReloadWait);
  Waiter upgrade_too(daemon, kUpgradeWait);
  daemon.Signal(SIGCONT);
  CHECK(Grants(first.Answer(), "generation 2 serves"));
  CHECK(Refuses(upgrade.Answer(), "upgrade refused: not a preforkd binary"));
  CHECK(Refuses(upgrade_too.Answer(), "upgrade refused: not a preforkd binary"));
  CHECK(Grants(last.Answer(), "generation 3 serves"));  // not the refusal of the upgrade
  for (Waiter* waiter : {&first, &upgrade, &last, &upgrade_too}) CHECK(waiter->AnsweredOnce());
  CHECK(daemon.AwaitWorkers(2));
}

TEST_CASE("an upgrade and a reload that wait are both answered when neither can fork") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.ExpectEvent("worker_exited exit=SIGKILL");
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  daemon.WriteConfig(Config({{"hang_at_start", "all"}}));
  Waiter first(daemon, kReloadWait);
  REQUIRE(daemon.WaitForEvent("reload_started generation=2"));
  Waiter upgrade(daemon, kUpgradeWait);
  Waiter last(daemon, kReloadWait);
  REQUIRE(daemon.WaitForEvent("upgrade_waits"));
  REQUIRE(daemon.WaitForEvent("reload_waits"));
  const NoForks none(daemon);
  if (!none.Possible()) return;
  const std::vector<pid_t> workers = daemon.WorkerPids();
  REQUIRE(workers.size() == 4);
  REQUIRE(::kill(*std::max_element(workers.begin(), workers.end()), SIGKILL) == 0);
  CHECK(Refuses(first.Answer(), "generation 2 abandoned: a worker "));
  CHECK(Refuses(upgrade.Answer(), "upgrade refused: fork"));
  CHECK(Refuses(last.Answer(), "generation 3 abandoned: a worker could not be forked"));
  for (Waiter* waiter : {&first, &upgrade, &last}) CHECK(waiter->AnsweredOnce());
}

TEST_CASE("a stop answers every waiter, of the change in progress and of those that wait") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  daemon.ExpectEvent("worker_exited exit=SIGKILL");
  daemon.WriteConfig(Config({{"hang_at_start", "all"}}));
  std::list<Waiter> waiters;
  waiters.emplace_back(daemon, kReloadWait);
  REQUIRE(daemon.WaitForEvent("reload_started generation=2"));
  waiters.emplace_back(daemon, kReloadWait);
  waiters.emplace_back(daemon, kUpgradeWait);
  waiters.emplace_back(daemon, kReloadWait);
  REQUIRE(daemon.WaitForEvent("upgrade_waits"));
  daemon.Signal(SIGTERM);
  for (Waiter& waiter : waiters) CHECK(Refuses(waiter.Answer(), "the server is stopping"));
  daemon.Signal(SIGINT);
  CHECK(daemon.Wait() == 0);
}

TEST_CASE("a server that gives up at its start answers the commands that it has already got") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.ExpectEvent("worker_exited exit=1");
  daemon.ExpectExit(69);
  daemon.WriteConfig(Config({{"crash_at_start", "all"}}));
  daemon.Start();
  REQUIRE(daemon.WaitForEvent("worker_exited state=starting"));
  Waiter first(daemon, kReloadWait);
  Waiter second(daemon, kReloadWait);
  Waiter third(daemon, kUpgradeWait);
  for (Waiter* waiter : {&first, &second, &third}) CHECK(Refuses(waiter->Answer(), ""));
  CHECK(daemon.Wait() == 69);
}

}  // namespace preforkd::testing
