// Each system call between the exec of an upgrade and the answer to its waiter fails once, in the new program
// and in the old one on its way back. Each time the server serves on, no client is cut off, and the waiter is
// answered.
//
// One server, and one upgrade for each call. By default each call site fails once, with a different errno
// from one site to the next. UPGRADE_FAULTS=all makes every single call fail with each errno, and then all
// calls of a kind together.
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "common/base/sys_error.h"
#include "tests/support/call_faults.h"
#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/keep_alive_clients.h"
#include "tests/support/notify_socket.h"
#include "tests/support/program_shelf.h"
#include "tests/support/server_status.h"

namespace preforkd::testing {
namespace {

constexpr std::array<int, 4> kErrnos = {ENOSPC, EACCES, EMFILE, ENOMEM};
constexpr int kClients = 8;
// A new program that fails after the exec waits a little before it executes the old one again.
constexpr Duration kAnswer = std::chrono::seconds(20);

bool Everything() {
  const char* wanted = std::getenv("UPGRADE_FAULTS");
  return wanted != nullptr && std::string_view(wanted) == "all";
}

std::vector<int> ErrnosFor(std::size_t index) {
  if (Everything()) return {kErrnos.begin(), kErrnos.end()};
  return {kErrnos.at(index % kErrnos.size())};
}

// No program can do without these: the event loop, replies, messages of workers, and telling a worker to
// retire need them.
const std::set<int> kIndispensable = {SYS_epoll_wait, SYS_sendto, SYS_recvmsg, SYS_shutdown};

using Fault = CallFaults::Fault;
using Call = CallFaults::Call;

struct World {
  NotifySocket manager;
  ProgramShelf shelf{kPreforkd};
  DaemonProcess daemon{shelf.Path()};
  std::optional<KeepAliveClients> clients;
  std::optional<CallFaults> faults;
  int upgrades = 0;

  World() {
    daemon.SetEnvironment("NOTIFY_SOCKET", manager.Name());
    daemon.WriteConfig(ConfigText()
                           .Workers(2)
                           .Set("pid_file", daemon.Path("pid"))
                           .Set("log.file", daemon.Path("server.log"))
                           .Set("log.access", daemon.Path("access.log"))
                           .Set("parking.after", "50ms")
                           .Listen("web")
                           .Listen("ops", "127.0.0.2:0")
                           .Listen("web", "unix:" + daemon.Path("http.sock"))
                           .Service("web", "http")
                           .Service("ops", "status"));
    daemon.Serve(2);
    clients.emplace(daemon.Address(), kClients);
    faults.emplace(daemon.MasterPid());
  }

  CommandResult Upgrade(const std::vector<Fault>& what) {
    REQUIRE(daemon.AwaitAllParked());
    faults->Arm(what);
    ++upgrades;
    return Ctl(daemon, {"upgrade", "--wait"}, kAnswer);
  }

  // What must hold after each upgrade.
  void Expect(const CommandResult& result) {
    CAPTURE(result.out);
    CAPTURE(result.err);
    CHECK((result.code == 0 || result.code == 1));
    CHECK(result.err.find("crashed") == std::string::npos);
    const std::string& end = result.code == 0 ? result.out : result.err;
    const bool served = result.code == 0 && end.find(" serves, version ") != std::string::npos;
    const bool refused =
        end.find("upgrade refused: ") != std::string::npos || end.find(" abandoned: ") != std::string::npos;
    CHECK((served || refused));
    const bool alive = !daemon.Wait(Duration(0));
    REQUIRE_MESSAGE(
        alive, daemon.Log().substr(daemon.Log().size() - std::min<std::size_t>(daemon.Log().size(), 3000)));
    CHECK(clients->Answered() == kClients);
    CHECK(AskStatus(daemon.Address(1)).lost == 0);
  }

  // The calls of the nth program of an upgrade in which the calls `before` fail.
  std::vector<Call> Record(int program, const std::vector<Fault>& before) {
    Expect(Upgrade(before));
    REQUIRE(faults->Programs() == program);
    return faults->Calls(program);
  }

  // An upgrade in which `fault` occurs, and `before`, which is needed to get there. True if all of them
  // occurred.
  bool Fail(const std::string& what, const std::vector<Fault>& before, const Fault& fault) {
    std::vector<Fault> all = before;
    all.push_back(fault);
    const std::string said = fmt::format("program {}, {}: {}", fault.program, what, ErrnoName(fault.errnum));
    CAPTURE(said);
    Expect(Upgrade(all));
    return faults->Injected() >= static_cast<int>(all.size());
  }

  // Each call of that program fails, in an upgrade of its own.
  void FailEach(int program, const std::vector<Fault>& before) {
    const std::vector<Call> calls = Record(program, before);
    REQUIRE(calls.size() > 60);
    std::set<std::uint64_t> sites;
    int failed = 0;
    for (std::size_t i = 0; i < calls.size(); ++i) {
      if (!CallFaults::CanFail(calls[i].number) || (!Everything() && !sites.insert(calls[i].site).second))
        continue;
      const std::string what = fmt::format("call {}, system call {}", i, calls[i].number);
      for (const int errnum : ErrnosFor(i)) {
        if (Fail(what, before, {program, static_cast<int>(i), errnum})) ++failed;
      }
    }
    MESSAGE("program ", program, ": ", calls.size(), " calls, ", failed, " upgrades with one that failed");
    CHECK(failed > 40);
  }

  // All calls of one kind fail as long as that program runs.
  void FailAllOfEachKind(int program, const std::vector<Fault>& before) {
    if (!Everything()) return;
    std::set<int> kinds;
    for (const Call& call : Record(program, before)) {
      if (CallFaults::CanFail(call.number) && !kIndispensable.contains(call.number))
        kinds.insert(call.number);
    }
    int failed = 0;
    for (const int number : kinds) {
      for (const int errnum : ErrnosFor(static_cast<std::size_t>(number))) {
        if (Fail(fmt::format("every system call {}", number), before, {program, -1, errnum, number}))
          ++failed;
      }
    }
    MESSAGE("program ", program, ": ", failed, " upgrades with a kind of call that failed always");
    CHECK(failed > 15);
  }
};

// Makes the new program return to the old one: the first fcntl reads the seals of the state. By its kind and
// not by its place, which may differ from one run to the next.
constexpr Fault kRefusal = {1, -1, EACCES, SYS_fcntl};

// False, with a message, where calls cannot be made to fail.
bool MayTrace(World& world) {
  DaemonProcess::TolerateChild(world.faults->Pid());
  if (world.faults->Attached()) return true;
  MESSAGE("skipped: this test may not trace, or not on this machine");
  world.clients.reset();
  return false;
}

void ExpectUnharmed(World& world) {
  const CommandResult last = world.Upgrade({});
  CHECK(last.code == 0);
  world.Expect(last);
  CHECK(world.daemon.AwaitWorkers(2));
  CHECK(AskStatus(world.daemon.Address(1)).Exact());
  CHECK(ReadFile(world.daemon.Path("pid")) == std::to_string(world.daemon.MasterPid()) + "\n");
  world.faults.reset();
  world.clients.reset();
}

}  // namespace

TEST_CASE("an upgrade survives the failure of any system call of the new program") {
  World world;
  if (!MayTrace(world)) return;
  world.FailEach(1, {});
  world.FailAllOfEachKind(1, {});
  ExpectUnharmed(world);
}

TEST_CASE("a refused upgrade survives the failure of any system call of the old program that returns") {
  World world;
  if (!MayTrace(world)) return;
  world.FailEach(2, {kRefusal});
  world.FailAllOfEachKind(2, {kRefusal});
  ExpectUnharmed(world);
}

TEST_CASE("the old program returns even if a system call that it can do without always fails") {
  for (const int number : {SYS_openat, SYS_memfd_create}) {
    CAPTURE(number);
    World world;
    if (!MayTrace(world)) return;
    std::vector<Fault> all = {kRefusal};
    for (int program = 2; program < 8; ++program) all.push_back({program, -1, EMFILE, number});
    const CommandResult result = world.Upgrade(all);
    CHECK(result.code == 1);
    CHECK(result.err.find("version 0.2.0 is back in service") != std::string::npos);
    world.Expect(result);
    world.daemon.IgnoreDescriptors();  // its workers write to a scoreboard of their own
    world.faults.reset();
    world.clients.reset();
  }
}

}  // namespace preforkd::testing
