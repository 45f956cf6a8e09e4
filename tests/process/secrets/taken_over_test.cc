// A worker or a gate that somebody has taken over: what it can reach of the others. The test makes it call
// (injected_call.h), with its own identity and behind its own filter.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <algorithm>
#include <fstream>

#include "tests/process/secrets/injected_call.h"
#include "tests/process/secrets/tls_server.h"

namespace preforkd::testing {
namespace {

constexpr const char* kNobody = "nobody";
constexpr const char* kDaemon = "daemon";

ConfigText Config(const char* user, const char* gate_user, const char* seccomp) {
  ConfigText config;
  config.Set("worker.seccomp", seccomp).Set(fmt::format("pool.{}.seccomp", kGatePool), seccomp);
  if (user != nullptr) config.Set("user", user);
  if (gate_user != nullptr) config.Set(fmt::format("pool.{}.user", kGatePool), gate_user);
  return config;
}

CallArgument Vector(const void* base) {
  const iovec vector{const_cast<void*>(base), 64};
  return std::string(reinterpret_cast<const char*>(&vector), sizeof(vector));
}

// An address in the heap of the process, where secrets would be.
const void* HeapOf(pid_t pid) {
  std::ifstream maps(fmt::format("/proc/{}/maps", pid));
  for (std::string line; std::getline(maps, line);) {
    if (line.find("[heap]") != std::string::npos)
      return reinterpret_cast<const void*>(std::stoull(line, nullptr, 16));
  }
  return nullptr;
}

// The kernel judges the right to do it before it looks at our own address, which is wrong.
CallOutcome ReadMemory(TakenOver& process, pid_t victim) {
  return process.Call(SYS_process_vm_readv, {victim, Vector(nullptr), 1, Vector(HeapOf(victim)), 1, 0});
}

CallOutcome Open(TakenOver& process, const std::string& path, int flags = O_RDONLY) {
  return process.Call(SYS_openat, {AT_FDCWD, path.c_str(), flags, 0});
}

bool IsRefused(const CallOutcome& outcome) {
  return outcome.text == "filter" || outcome.text == "EPERM" || outcome.text == "EACCES";
}

void CheckCannotReach(pid_t attacker, pid_t victim) {
  CAPTURE(attacker);
  CAPTURE(victim);
  TakenOver process(attacker);
  CHECK(IsRefused(ReadMemory(process, victim)));
  CHECK(IsRefused(process.Call(SYS_ptrace, {PTRACE_SEIZE, victim, 0, 0})));
  for (const char* file : {"mem", "maps", "fd/0", "environ"}) {
    CAPTURE(std::string(file));
    CHECK(IsRefused(Open(process, fmt::format("/proc/{}/{}", victim, file))));
  }
  const CallOutcome handle = process.Call(SYS_pidfd_open, {victim, 0});
  CHECK((IsRefused(handle) || handle.result >= 0));
  if (handle.result < 0) return;
  CHECK(IsRefused(process.Call(SYS_pidfd_getfd, {handle.result, 0, 0})));
  (void)process.Call(SYS_close, {handle.result});
}

// The page with the key of tickets, among the mappings of a gate.
std::int64_t TicketsOf(pid_t gate) {
  std::ifstream maps(fmt::format("/proc/{}/maps", gate));
  for (std::string line; std::getline(maps, line);) {
    if (line.find("preforkd-tickets") != std::string::npos)
      return static_cast<std::int64_t>(std::stoull(line, nullptr, 16));
  }
  return 0;
}

bool StillServes(const TlsServer& server) {
  TlsClient client(server.Web());
  const auto response = client.Get("/");
  return response && response->status == 200;
}

void CheckAllApart(const TlsServer& server) {
  const std::vector<pid_t> workers = server.Pids(kMainPool);
  const std::vector<pid_t> gates = server.Pids(kGatePool);
  const pid_t master = server.Daemon().MasterPid();
  {
    TakenOver process(workers.at(0));  // the search itself works: it may read what is its own
    const CallOutcome own = ReadMemory(process, workers.at(0));
    CHECK((own.text == "EFAULT" || own.text == "filter"));
  }
  for (const pid_t victim : {master, gates.at(0), workers.at(1)}) CheckCannotReach(workers.at(0), victim);
  for (const pid_t victim : {master, gates.at(1), workers.at(1)}) CheckCannotReach(gates.at(0), victim);
}

}  // namespace

TEST_CASE("a worker and a gate reach no memory and no descriptor of others, also without the filter") {
  if (!CanReadMemory()) return;
  for (const char* seccomp : {"on", "off"}) {
    for (const bool one_user : {false, true}) {
      CAPTURE(std::string(seccomp));
      CAPTURE(one_user);
      TlsServer server("50ms",
                       one_user ? Config(nullptr, nullptr, seccomp) : Config(kNobody, kDaemon, seccomp));
      if (one_user && !server.Daemon().BecomeNobody(1000)) continue;
      server.Serve();
      CheckAllApart(server);
      CHECK(StillServes(server));
    }
  }
}

TEST_CASE("root without capabilities, as in a container: a worker as root reaches no memory of the master") {
  if (!CanReadMemory()) return;
  TlsServer server("50ms", Config(nullptr, nullptr, "off"));
  server.Daemon().LaunchBy({"/usr/sbin/capsh", "--drop=all", "--", "-c", "exec \"$0\" \"$@\""});
  server.Serve();
  CheckAllApart(server);
  CHECK(StillServes(server));
}

TEST_CASE("a worker cannot read a key's file, which is root's, nor a gate once it serves") {
  if (!CanReadMemory()) return;
  for (const char* seccomp : {"on", "off"}) {
    CAPTURE(std::string(seccomp));
    TlsServer server("50ms", Config(kNobody, kDaemon, seccomp));
    const std::string key = server.Daemon().Path("ec.key");
    REQUIRE(::chmod(key.c_str(), 0600) == 0);
    server.Serve();
    for (const char* pool : {kMainPool, kGatePool}) {
      TakenOver process(server.Pids(pool).front());
      CHECK(IsRefused(Open(process, key)));
    }
    CHECK(StillServes(server));
  }
}

TEST_CASE("the filter of a gate: no file, no socket, no process, no code, no page of tickets to write") {
  if (!CanReadMemory()) return;
  TlsServer server("50ms");
  server.Serve();
  const pid_t gate = server.Pids(kGatePool).front();
  const std::int64_t tickets = TicketsOf(gate);
  REQUIRE(tickets != 0);
  {
    TakenOver process(gate);
    CHECK(process.Call(SYS_getpid, {}).result == gate);
    for (const char* path : {"/etc/hostname", "/dev/null", "/proc/self/mem"}) {
      CHECK(Open(process, path).text == "filter");
      CHECK(process.Call(SYS_open, {path, O_RDONLY, 0}).text == "filter");
      CHECK(process.Call(SYS_openat2, {AT_FDCWD, path, std::string(24, '\0'), 24}).text == "filter");
      CHECK(process.Call(SYS_stat, {path, tickets}).text == "filter");
      CHECK(process.Call(SYS_readlink, {path, 0, 0}).text == "filter");
    }
    CHECK(process.Call(SYS_memfd_create, {"x", 1}).text == "filter");
    for (const int family : {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK})
      CHECK(process.Call(SYS_socket, {family, SOCK_STREAM, 0}).text == "filter");
    CHECK(process.Call(SYS_connect, {0, 0, 0}).text == "filter");
    CHECK(process.Call(SYS_accept4, {0, 0, 0, 0}).text == "filter");
    for (const long call : {SYS_fork, SYS_vfork, SYS_clone, SYS_execve, SYS_execveat, SYS_ptrace,
                            SYS_process_vm_readv, SYS_process_vm_writev, SYS_pidfd_open, SYS_pidfd_getfd,
                            SYS_sendfile, SYS_splice, SYS_mount, SYS_unshare, SYS_setuid, SYS_bpf})
      CHECK(process.Call(call, {0, 0, 0, 0, 0}).text == "filter");
    CHECK(process.Call(SYS_clone3, {0, 0}).text == "filter");
    CHECK(process.Call(SYS_mmap, {0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}).text ==
          "filter");
    CHECK(process.Call(SYS_mprotect, {tickets, 4096, PROT_READ | PROT_WRITE}).text == "EACCES");
  }
  CHECK(StillServes(server));
  CHECK(server.Pids(kGatePool).front() == gate);
}

TEST_CASE("the master and gates are never dumpable, whatever worker.dumpable says") {
  if (!CanReadMemory()) return;
  for (const bool as_nobody : {false, true}) {
    CAPTURE(as_nobody);
    TlsServer server("50ms", ConfigText().Set("worker.dumpable", true).Set("pool.gates.dumpable", true));
    if (as_nobody && !server.Daemon().BecomeNobody(1000)) continue;
    server.Serve();
    const auto dumpable = [](pid_t pid) {
      return TakenOver(pid).Call(SYS_prctl, {PR_GET_DUMPABLE, 0, 0, 0, 0}).result;
    };
    CHECK(dumpable(server.Daemon().MasterPid()) == 0);
    for (const pid_t gate : server.Pids(kGatePool)) CHECK(dumpable(gate) == 0);
    for (const pid_t worker : server.Pids(kMainPool)) CHECK(dumpable(worker) == 1);
  }
}

}  // namespace preforkd::testing
