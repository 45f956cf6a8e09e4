// Upgrades that must be refused: the old program serves on, reports the reason within ten seconds, and has
// lost no connection.
#include <doctest/doctest.h>

#include <csignal>
#include <cstdlib>

#include "tests/support/command.h"
#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/keep_alive_clients.h"
#include "tests/support/proc_status.h"
#include "tests/support/program_shelf.h"

namespace preforkd::testing {
namespace {

constexpr Duration kPromised = std::chrono::seconds(10);

ConfigText Config() {
  return ConfigText().Workers(2).Set("parking.after", "50ms").Listen("web").Service("web", "http");
}

CommandResult Upgrade(const DaemonProcess& daemon) { return Ctl(daemon, {"upgrade", "--wait"}); }

// A server with idle clients, which must all be answered in the end.
struct World {
  ProgramShelf shelf{kPreforkd};
  DaemonProcess daemon{shelf.Path()};
  std::optional<KeepAliveClients> clients;

  World() {
    daemon.WriteConfig(Config());
    daemon.Serve(2);
    clients.emplace(daemon.Address(), 20);
  }

  void ExpectRefusal(const std::string& reason) {
    const Time begin = Now();
    const CommandResult result = Upgrade(daemon);
    CAPTURE(result.err);
    CHECK(Now() - begin < kPromised);
    CHECK(result.code == 1);
    CHECK(result.err.find("upgrade refused: " + reason) != std::string::npos);
    CHECK(result.err.find("; version 0.2.0 keeps serving") != std::string::npos);
    CHECK(clients->Answered() == 20);
    CHECK(daemon.AwaitWorkers(2));
  }

  void ExpectSuccess() {
    shelf.Put(kPreforkdNext);
    const CommandResult result = Upgrade(daemon);
    CAPTURE(result.err);
    CHECK(result.code == 0);
    CHECK(clients->Answered() == 20);
    CHECK(daemon.AwaitWorkers(2));
    clients.reset();
  }
};

}  // namespace

TEST_CASE(
    "an upgrade is refused if the program is missing, not executable, of another machine, a script, or not "
    "preforkd") {
  World world;
  world.shelf.Remove();
  world.ExpectRefusal("execve " + world.shelf.Path() + ": No such file or directory (ENOENT)");
  world.shelf.PutBytes(ReadFile(RunfilePath(kPreforkd)), false);
  world.ExpectRefusal("execve " + world.shelf.Path() + ": Permission denied (EACCES)");
  std::string foreign = ReadFile(RunfilePath(kPreforkd));
  foreign[18] = '\x28';  // e_machine (elf(5)): 40, ARM
  foreign[19] = 0;
  world.shelf.PutBytes(foreign, true);
  world.ExpectRefusal("execve " + world.shelf.Path() + ": Exec format error (ENOEXEC)");
  world.shelf.PutBytes("#!/bin/sh\necho I am new here\nexit 0\n", true);
  world.ExpectRefusal("not a preforkd binary that supports upgrade; it exited with code 0: I am new here");
  world.shelf.Put("/bin/true");
  world.ExpectRefusal("not a preforkd binary that supports upgrade; it exited with code 0");
  world.ExpectSuccess();
}

TEST_CASE("an upgrade is refused if the new program exits, hangs, or vanishes before the exec") {
  World world;
  world.shelf.Put(kPreforkdNext, "exit");
  world.ExpectRefusal("not a preforkd binary that supports upgrade; it exited with code 3: not today");
  world.shelf.Put(kPreforkdNext, "hang");
  world.ExpectRefusal("the new program timed out after 8 s");
  world.shelf.Put(kPreforkdNext, "vanish");
  world.ExpectRefusal("execve " + world.shelf.Path() + ": No such file or directory (ENOENT)");
  world.ExpectSuccess();
}

TEST_CASE(
    "an upgrade is refused with an invalid configuration, an address in use, or a worker that cannot start") {
  World world;
  world.shelf.Put(kPreforkdNext);
  world.daemon.WriteConfig("wrokers = 3\n" + Config().Text());
  world.ExpectRefusal(world.daemon.ConfigPath() + ":1:1: unknown key 'wrokers'; did you mean 'workers'?");
  DaemonProcess other;
  other.Serve(1, {"--listen", "127.0.0.9:0", "--workers", "1"});
  world.daemon.WriteConfig(Config().Listen("web", other.Address()));
  world.ExpectRefusal("bind " + other.Address() + ": Address already in use (EADDRINUSE)");
  world.daemon.WriteConfig(Config().Service("bad", "fault", {{"crash_at_start", "all"}}));
  world.ExpectRefusal("a worker exited before it was ready: ");
  world.daemon.WriteConfig(Config());
  world.ExpectSuccess();
}

TEST_CASE("the server stops while the new program is being checked") {
  World world;
  world.shelf.Put(kPreforkdNext, "hang");
  world.daemon.Signal(SIGUSR2);
  REQUIRE(world.daemon.WaitForEvent("upgrade_check"));
  world.daemon.Signal(SIGHUP);  // waits for the check
  REQUIRE(world.daemon.WaitForEvent("reload_waits for=upgrade"));
  world.clients.reset();
  world.daemon.Signal(SIGTERM);
  CHECK(world.daemon.Wait() == 0);
}

TEST_CASE("a reload that waited for a refused upgrade is carried out") {
  for (const char* trick : {"hang", "vanish"}) {  // refused at the check, and at the exec
    CAPTURE(std::string(trick));
    World world;
    world.shelf.Put(kPreforkdNext, trick);
    world.daemon.Signal(SIGUSR2);
    // Of two pending signals the lower number would be handled first.
    REQUIRE(world.daemon.WaitForEvent("upgrade_check"));
    world.daemon.Signal(SIGHUP);
    if (std::string(trick) == "hang") CHECK(world.daemon.WaitForEvent("reload_waits for=upgrade"));
    CHECK(world.daemon.WaitForEvent("reload_done generation=2"));
    CHECK(world.daemon.CountEvents("upgrade_refused") == 1);
    CHECK(world.daemon.AwaitWorkers(2));
    CHECK(world.clients->Answered() == 20);
    world.clients.reset();
  }
}

namespace {

// The number of processes, of any parent, with this command line.
std::size_t Running(const std::string& words) {
  const CommandResult found = RunCommand({"/usr/bin/pgrep", "-c", "-f", "-x", words});
  return static_cast<std::size_t>(std::atoi(found.out.c_str()));
}

}  // namespace

TEST_CASE(
    "processes that a check has started end with it: after a timeout, at a stop, or when it has exited") {
  const std::string sleeper = "sleep 4711";
  SUBCASE("the check times out") {
    World world;
    world.daemon.ExpectOrphans();  // killed, and children of this test then
    world.shelf.PutBytes("#!/bin/sh\nsleep 4711 &\nsleep 4711\n", true);
    world.ExpectRefusal("the new program timed out after 8 s");
  }
  SUBCASE("the server stops") {
    World world;
    world.daemon.ExpectOrphans();  // killed, and children of this test then
    world.shelf.PutBytes("#!/bin/sh\nsleep 4711 &\nsleep 4711\n", true);
    world.daemon.Signal(SIGUSR2);
    REQUIRE(WaitUntil(kTimeout, [&] { return Running(sleeper) == 2; }));
    world.clients.reset();
    world.daemon.Signal(SIGTERM);
    CHECK(world.daemon.Wait() == 0);
  }
  SUBCASE("it has exited, and left a process behind") {
    World world;
    world.daemon.ExpectOrphans();  // killed, and children of this test then
    world.shelf.PutBytes("#!/bin/sh\nsleep 4711 >/dev/null 2>&1 &\nexit 5\n", true);
    world.ExpectRefusal("not a preforkd binary that supports upgrade; it exited with code 5");
  }
  CHECK(WaitUntil(kTimeout, [&] { return Running(sleeper) == 0; }));
}

TEST_CASE("a worker that hangs at the start of a check ends with it") {
  ProgramShelf shelf(kPreforkdWithFaults);
  DaemonProcess daemon(shelf.Path());
  ConfigText config = ConfigText().Workers(1).Listen("s").Service("s", "fault");
  daemon.WriteConfig(config);
  daemon.Serve(1);
  daemon.WriteConfig(config.Set("service.s.hang_at_start", "all"));
  daemon.Signal(SIGUSR2);
  // The check, and the worker that it has started.
  const auto tried = [&] {
    for (const pid_t child : daemon.WorkerPids()) {
      if (!ChildrenOf(child).empty()) return true;
    }
    return false;
  };
  REQUIRE(WaitUntil(kTimeout, tried));
  daemon.Signal(SIGTERM);
  daemon.ExpectOrphans();  // the kernel ends it a moment later
  CHECK(daemon.Wait() == 0);
}

}  // namespace preforkd::testing
