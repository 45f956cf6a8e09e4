// A new program that fails after the exec: where there is a way back the old one returns, and where there is
// none it is as if the master had died, which costs what that costs.
#include <doctest/doctest.h>
#include <unistd.h>

#include <csignal>

#include "tests/support/daemon_process.h"
#include "tests/support/keep_alive_clients.h"
#include "tests/support/notify_socket.h"
#include "tests/support/proc_status.h"
#include "tests/support/program_shelf.h"

namespace preforkd::testing {
namespace {

constexpr const char* kConfig =
    "workers = 2\nworkers_max = 2\n[parking]\nafter = \"50ms\"\n"
    "[[listen]]\naddress = \"127.0.0.1:0\"\nservice = \"web\"\n[service.web]\ntype = \"http\"\n";

CommandResult Upgrade(const DaemonProcess& daemon) { return Ctl(daemon, {"upgrade", "--wait"}); }

}  // namespace

TEST_CASE("one that crashes or stalls while it takes over: the old program is back, and nobody was cut off") {
  NotifySocket manager;
  ProgramShelf shelf(kPreforkd);
  DaemonProcess daemon(shelf.Path());
  daemon.SetEnvironment("NOTIFY_SOCKET", manager.Name());
  daemon.WriteConfig(kConfig);
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
    CHECK(daemon.WaitForLog("is back and serves on", ++returns));
    CHECK(ReadFile("/proc/" + std::to_string(daemon.MasterPid()) + "/comm") == "preforkd\n");
    CHECK(idle.Answered() == 40);
    CHECK(daemon.ReadyWorkers().size() == 2);
  }
  CHECK(daemon.CountLog(" started, pid ") == 2);  // the workers have seen nothing of it
  // A worker of the program that came back is one like any other.
  daemon.ExpectLine(" died while ");
  REQUIRE(daemon.AwaitAllParked());
  for (const pid_t worker : daemon.WorkerPids()) ::kill(worker, SIGKILL);
  CHECK(daemon.WaitForLog(" is ready after ", 4));
  CHECK(idle.Answered() == 40);
  CHECK(daemon.Reload());
  shelf.Put(kPreforkdNext);
  CHECK(Upgrade(daemon).code == 0);
  CHECK(daemon.AwaitWorkers(2));
  CHECK(idle.Answered() == 40);
  CHECK(daemon.CountLog("lost 0, reclaimed 0") >= 2);
}

TEST_CASE(
    "nothing of the attempt is left to the old program: no alarm, and no signal that it would not hear") {
  ProgramShelf shelf(kPreforkd);
  DaemonProcess daemon(shelf.Path());
  daemon.WriteConfig(kConfig);
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
    "one whose workers cannot start: those of the old program serve on, and the next upgrade takes them "
    "over") {
  ProgramShelf shelf(kPreforkd);
  DaemonProcess daemon(shelf.Path());
  daemon.ExpectLine(" died while ");
  daemon.WriteConfig(kConfig);
  daemon.Serve(2);
  KeepAliveClients idle(daemon.Address(), 40);
  shelf.Put(kPreforkdNext, "bad-workers");
  const CommandResult result = Upgrade(daemon);
  CAPTURE(result.err);
  CHECK(result.code == 1);
  CHECK(result.err.find("the master already runs version next, the workers still run version 0.2.0") !=
        std::string::npos);
  CHECK(idle.Answered() == 40);
  CHECK(daemon.CountLog(" is ready after ") == 2);
  shelf.Put(kPreforkd);
  const CommandResult again = Upgrade(daemon);
  CAPTURE(again.err);
  CHECK(again.code == 0);
  CHECK(daemon.AwaitWorkers(2));
  CHECK(idle.Answered() == 40);
}

TEST_CASE("one that ends before it has a way back is a master that has died: workers finish and leave") {
  ProgramShelf shelf(kPreforkd);
  DaemonProcess daemon(shelf.Path());
  daemon.WriteConfig(kConfig);
  daemon.Serve(2);
  shelf.Put(kPreforkdNext, "exit-restoring");
  daemon.ExpectExit(1);
  daemon.ExpectOrphans();
  daemon.IgnoreDescriptors();
  CHECK(Upgrade(daemon).code == 69);
  CHECK(daemon.Wait() == 1);
  // Nobody could remove it; a successor takes its place.
  ::unlink(daemon.Path("control.sock").c_str());
}

}  // namespace preforkd::testing
