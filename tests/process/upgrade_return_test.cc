// A new program that fails after the exec: the old one returns if there is a way back. If there is none the
// failure has the effects of a crash of the master.
#include <doctest/doctest.h>
#include <unistd.h>

#include <csignal>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/keep_alive_clients.h"
#include "tests/support/notify_socket.h"
#include "tests/support/proc_status.h"
#include "tests/support/program_shelf.h"

namespace preforkd::testing {
namespace {

ConfigText Config() {
  return ConfigText().Workers(2).Set("parking.after", "50ms").Listen("web").Service("web", "http");
}

CommandResult Upgrade(const DaemonProcess& daemon) { return Ctl(daemon, {"upgrade", "--wait"}); }

}  // namespace

TEST_CASE(
    "a new program crashes or stalls while it takes over: the old one returns, and no client is cut off") {
  NotifySocket manager;
  ProgramShelf shelf(kPreforkd);
  DaemonProcess daemon(shelf.Path());
  daemon.SetEnvironment("NOTIFY_SOCKET", manager.Name());
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  KeepAliveClients idle(daemon.Address(), 40);
  REQUIRE(daemon.AwaitAllParked());
  std::size_t returns = 0;
  for (const auto& [trick, reason] :
       {std::pair("crash", "the new program crashed while it took over (SIGSEGV)"),
        std::pair("stall", "the new program did not take over in time"),
        std::pair("crash", "the new program crashed while it took over (SIGSEGV)")}) {
    CAPTURE(std::string(trick));
    shelf.Put(kPreforkdNext, trick);
    const CommandResult result = Upgrade(daemon);
    CAPTURE(result.err);
    CHECK(result.code == 1);
    CHECK(result.err.find(reason) != std::string::npos);
    CHECK(result.err.find("; version 0.2.0 is back in service") != std::string::npos);
    CHECK(daemon.WaitForEvent("upgrade_returned version=0.2.0", ++returns));
    CHECK(ReadFile("/proc/" + std::to_string(daemon.MasterPid()) + "/comm") == "preforkd\n");
    CHECK(idle.Answered() == 40);
    CHECK(daemon.ReadyWorkers().size() == 2);
  }
  CHECK(daemon.AwaitEvents("worker_started", 2) == 2);  // the workers were not affected
  // A worker of the program that returned is supervised like any other.
  daemon.ExpectEvent("worker_exited exit=SIGKILL");
  REQUIRE(daemon.AwaitAllParked());
  for (const pid_t worker : daemon.WorkerPids()) ::kill(worker, SIGKILL);
  CHECK(daemon.WaitForEvent("worker_ready", 4));
  CHECK(idle.Answered() == 40);
  CHECK(daemon.Reload());
  shelf.Put(kPreforkdNext);
  CHECK(Upgrade(daemon).code == 0);
  CHECK(daemon.AwaitWorkers(2));
  CHECK(idle.Answered() == 40);
  CHECK(daemon.CountEvents("worker_exited exit=SIGKILL lost=0 reclaimed=0") >= 2);
}

TEST_CASE("the old program that returns has no alarm and no blocked signal left of the attempt") {
  ProgramShelf shelf(kPreforkd);
  DaemonProcess daemon(shelf.Path());
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  KeepAliveClients idle(daemon.Address(), 4);
  const std::vector<int> blocked = SignalsIn(daemon.MasterPid(), "SigBlk");
  const std::vector<int> caught = SignalsIn(daemon.MasterPid(), "SigCgt");
  shelf.Put(kPreforkdNext, "crash");
  CHECK(Upgrade(daemon).code == 1);
  CHECK(SignalsIn(daemon.MasterPid(), "SigBlk") == blocked);
  CHECK(SignalsIn(daemon.MasterPid(), "SigCgt") == caught);
  daemon.IgnoreDescriptors();                         // its workers write to the scoreboard of before
  CHECK_FALSE(daemon.Wait(std::chrono::seconds(9)));  // longer than a new program has to take over
  CHECK(idle.Answered() == 4);
}

TEST_CASE(
    "the workers of a new program cannot start: those of the old one serve on, and the next upgrade takes "
    "over from them") {
  ProgramShelf shelf(kPreforkd);
  DaemonProcess daemon(shelf.Path());
  daemon.ExpectEvent("worker_exited exit=10");
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  KeepAliveClients idle(daemon.Address(), 40);
  shelf.Put(kPreforkdNext, "bad-workers");
  const CommandResult result = Upgrade(daemon);
  CAPTURE(result.err);
  CHECK(result.code == 1);
  CHECK(result.err.find("the master already runs version next, the workers still run version 0.2.0") !=
        std::string::npos);
  CHECK(idle.Answered() == 40);
  CHECK(daemon.AwaitEvents("worker_ready", 2) == 2);
  shelf.Put(kPreforkd);
  const CommandResult again = Upgrade(daemon);
  CAPTURE(again.err);
  CHECK(again.code == 0);
  CHECK(daemon.AwaitWorkers(2));
  CHECK(idle.Answered() == 40);
}

TEST_CASE("a new program exits before it has a way back: workers finish and end, as without a master") {
  ProgramShelf shelf(kPreforkd);
  DaemonProcess daemon(shelf.Path());
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  shelf.Put(kPreforkdNext, "exit-restoring");
  daemon.ExpectExit(1);
  daemon.ExpectOrphans();
  daemon.IgnoreDescriptors();
  CHECK(Upgrade(daemon).code == 69);
  CHECK(daemon.Wait() == 1);
  // The master could not remove it; a later server would.
  ::unlink(daemon.Path("control.sock").c_str());
}

}  // namespace preforkd::testing
