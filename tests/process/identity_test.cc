// The user and the privileges of workers, and what they could do to others: as root, as a user with a
// capability, without any. Runs outside of Bazel's sandbox, which has one user only.
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"
#include "tests/support/proc_status.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

const std::vector<std::string> kEcho = {"--service", "echo", "--listen", "127.0.0.1:0", "--workers", "2"};
const std::vector<std::string> kFault = {"--service", "fault", "--listen", "127.0.0.1:0",
                                         "--workers", "1",     "--set",    "workers_max=1"};
constexpr const char* kNoCapabilities = "0000000000000000";
constexpr const char* kCapabilitySets[] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"};

std::vector<std::string> With(std::vector<std::string> flags, const std::vector<std::string>& more) {
  flags.insert(flags.end(), more.begin(), more.end());
  return flags;
}

// Needs root, and a user namespace with more than one user id.
bool CanBecomeNobody() {
  const std::string map = ReadFile("/proc/self/uid_map");
  unsigned long inside = 0;
  unsigned long outside = 0;
  unsigned long count = 0;
  const bool read = std::sscanf(map.c_str(), "%lu %lu %lu", &inside, &outside, &count) == 3;
  const bool can = ::geteuid() == 0 && read && count > 65534 && ::getpwnam("nobody") != nullptr;
  if (!can) MESSAGE("skipped: needs root and more than one user id");
  return can;
}

// "Max open files" of /proc/PID/limits: the soft one.
std::string Limit(pid_t pid, const std::string& name) {
  const std::string limits = ReadFile(fmt::format("/proc/{}/limits", pid));
  const std::size_t line = limits.find(name);
  if (line == std::string::npos) return {};
  const std::size_t begin = limits.find_first_not_of(' ', line + name.size());
  return limits.substr(begin, limits.find(' ', begin) - begin);
}

void CheckHarmless(pid_t worker, bool bounding_empty = true) {
  for (const char* set : kCapabilitySets) {
    CAPTURE(std::string(set));
    if (bounding_empty || std::string(set) != "CapBnd") CHECK(StatusField(worker, set) == kNoCapabilities);
  }
  CHECK(StatusField(worker, "NoNewPrivs") == "1");
  CHECK(StatusField(worker, "Seccomp") == "2");
  // Not dumpable: its files in /proc belong to root, whatever its user is (proc(5)).
  struct stat environment {};
  REQUIRE(::stat(fmt::format("/proc/{}/environ", worker).c_str(), &environment) == 0);
  CHECK(environment.st_uid == 0);
}

// The answer of the only worker of a fault service.
std::string Try(DaemonProcess& daemon, const std::string& call) {
  TcpClient client(daemon.Address());
  return client.SendAll(fmt::format("call {}\n", call)) ? client.ReadUntil("\n").value_or("no answer\n")
                                                        : "not sent\n";
}

}  // namespace

TEST_CASE("as root: workers are the user with its groups and nothing else; the master stays root") {
  if (!CanBecomeNobody()) return;
  DaemonProcess daemon;
  daemon.Serve(2, With(kEcho, {"--user", "nobody"}));
  const passwd* nobody = ::getpwnam("nobody");
  const std::string uids = fmt::format("{0}\t{0}\t{0}\t{0}", nobody->pw_uid);
  const std::string gids = fmt::format("{0}\t{0}\t{0}\t{0}", nobody->pw_gid);
  for (const pid_t worker : daemon.WorkerPids()) {
    CHECK(StatusField(worker, "Uid") == uids);
    CHECK(StatusField(worker, "Gid") == gids);
    CHECK(StatusField(worker, "Groups") == fmt::format("{} ", nobody->pw_gid));
    CheckHarmless(worker);
  }
  CHECK(StatusField(daemon.MasterPid(), "Uid").starts_with("0\t0"));
  CHECK(daemon.CountEvents("isolation_missing isolation=user") == 0);
  TcpClient client(daemon.Address());
  CHECK(client.Echoes("ping"));
  // The change of user clears the signal of PR_SET_PDEATHSIG, so it must be set afterwards.
  daemon.ExpectOrphans();
  daemon.ExpectExit(128 + SIGKILL);
  client.Close();
  daemon.Signal(SIGKILL);
  CHECK(daemon.Wait() == 128 + SIGKILL);
}

TEST_CASE("as root without a user: workers stay root without capabilities, and the log says so") {
  if (!CanBecomeNobody()) return;
  DaemonProcess daemon;
  daemon.Serve(2, kEcho);
  for (const pid_t worker : daemon.WorkerPids()) {
    CHECK(StatusField(worker, "Uid").starts_with("0\t0"));
    CheckHarmless(worker);
  }
  CHECK(daemon.AwaitEvents("isolation_missing isolation=user cause=no_user", 1) == 1);
  CHECK(daemon.Reload());
  CHECK(daemon.AwaitEvents("isolation_missing isolation=user cause=no_user", 1) == 1);
}

TEST_CASE("not as root, with a capability for low ports: the master keeps it, workers have none") {
  if (!CanBecomeNobody()) return;
  DaemonProcess daemon;
  REQUIRE(daemon.BecomeNobody(1000));
  daemon.KeepPortCapability();
  daemon.Serve(2, With(kEcho, {"--user", "daemon"}));
  CHECK(StatusField(daemon.MasterPid(), "CapEff") == "0000000000000400");
  for (const pid_t worker : daemon.WorkerPids()) {
    CHECK(StatusField(worker, "Uid") == StatusField(daemon.MasterPid(), "Uid"));
    CheckHarmless(worker, false);  // emptying the bounding set takes CAP_SETPCAP
  }
  CHECK(daemon.AwaitEvents("isolation_missing isolation=user cause=not_root missing=user", 1) == 1);
  CHECK(daemon.CountEvents("worker_unprotected protection=scoreboard") == 0);
  CHECK(daemon.Reload());
  CHECK(daemon.AwaitEvents("isolation_missing cause=not_root", 1) == 1);
}

TEST_CASE("the configured limits apply to workers, not to the master") {
  DaemonProcess daemon;
  daemon.Serve(2, With(kEcho, {"--set", "worker.max_files=128", "--set", "worker.max_core=1MiB",
#ifndef PREFORKD_SANITIZED  // a sanitizer needs terabytes
                               "--set", "worker.max_address_space=8GiB",
#endif
                               "--set", "worker.dumpable=true"}));
  const pid_t worker = daemon.WorkerPids().at(0);
  CHECK(Limit(worker, "Max open files") == "128");
  CHECK(Limit(worker, "Max core file size") == "1048576");
#ifndef PREFORKD_SANITIZED
  CHECK(Limit(worker, "Max address space") == "8589934592");
#endif
  CHECK(Limit(daemon.MasterPid(), "Max open files") != "128");
}

TEST_CASE(
    "a worker of another user cannot reach the control socket, the pid file, the master or other workers") {
  if (!CanBecomeNobody()) return;
  // With a filter and without one: either way it must be refused.
  for (const char* seccomp : {"worker.seccomp=on", "worker.seccomp=off"}) {
    CAPTURE(std::string(seccomp));
    DaemonProcess daemon(kPreforkdWithFaults);
    daemon.ExpectEvent("calls_refused");
    daemon.Serve(1, With(kFault, {"--user", "nobody", "--pid-file", daemon.Path("pid"), "--set", seccomp}));
    const std::string master = fmt::format("{}", daemon.MasterPid());
    const bool filtered = std::string(seccomp).ends_with("on");
    CHECK(Try(daemon, "connect " + daemon.Path("control.sock")) == (filtered ? "EPERM\n" : "EACCES\n"));
    CHECK(Try(daemon, "write " + daemon.Path("pid")) == (filtered ? "EPERM\n" : "EACCES\n"));
    CHECK(Try(daemon, "signal " + master) == "EPERM\n");
    CHECK(Try(daemon, "trace " + master) == "EPERM\n");
    CHECK(Try(daemon, "limits " + master) == "EPERM\n");
    CHECK(Try(daemon, fmt::format("read /proc/{}/mem", master)) == "EACCES\n");
    CHECK(Try(daemon, fmt::format("read /proc/{}/environ", master)) == "EACCES\n");
    CHECK(daemon.AwaitWorkers(1));
  }
}

TEST_CASE(
    "two pools with two users: neither reads the other's files, signals its workers or writes to its rows") {
  if (!CanBecomeNobody()) return;
  TempDirectory files;
  REQUIRE(::chmod(files.Path("").c_str(), 0711) == 0);
  const char* const users[] = {"nobody", "daemon"};
  for (const char* user : users) {
    const std::string path = files.Path(user);
    std::ofstream(path) << "private";
    const passwd* entry = ::getpwnam(user);
    REQUIRE(entry != nullptr);
    REQUIRE(::chown(path.c_str(), entry->pw_uid, entry->pw_gid) == 0);
    REQUIRE(::chmod(path.c_str(), 0600) == 0);
  }
  // The users alone must keep them apart, and the users with the filter.
  for (const char* seccomp : {"off", "on"}) {
    CAPTURE(std::string(seccomp));
    DaemonProcess daemon(kPreforkdWithFaults);
    daemon.ExpectEvent("calls_refused");
    ConfigText config;
    config.Set("worker.seccomp", seccomp);
    int last_byte = 0;
    for (const char* user : users) {
      config.Pool(user, {{"workers", 1}, {"user", user}})
          .Listen(user, fmt::format("127.0.0.{}:0", ++last_byte))
          .Service(user, "fault", {{"pool", user}});
    }
    daemon.WriteConfig(config);
    daemon.Serve(2);
    const auto ask = [&](std::size_t listener, const std::string& command) {
      TcpClient client(daemon.Address(listener));
      return client.SendAll(command + "\n") ? client.ReadUntil("\n").value_or("no answer\n") : "not sent\n";
    };
    for (const std::size_t me : {0U, 1U}) {
      CAPTURE(me);
      const std::string other_pid = ask(1 - me, "pid");
      const std::string other_slot = ask(1 - me, "hello").substr(6, 1);
      CHECK(StatusField(std::atoi(other_pid.c_str()), "Uid")
                .starts_with(fmt::format("{}\t", ::getpwnam(users[1 - me])->pw_uid)));
      CHECK(ask(me, fmt::format("call read {}", files.Path(users[me]))) == "ok\n");
      CHECK(ask(me, fmt::format("call read {}", files.Path(users[1 - me]))) == "EACCES\n");
      CHECK(ask(me, "call signal " + other_pid) == "EPERM\n");
      CHECK(ask(me, "call trace " + other_pid) == "EPERM\n");
      CHECK(ask(me, fmt::format("call read /proc/{}/mem", std::atoi(other_pid.c_str()))) == "EACCES\n");
      CHECK(ask(me, "row " + ask(me, "hello").substr(6, 1)) == "ok\n");
      CHECK(ask(me, "row " + other_slot) == "EACCES\n");
    }
    CHECK(daemon.AwaitWorkers(2));
  }
}

TEST_CASE("a worker with the master's user, as under a service manager: the filter alone refuses all that") {
  if (!CanBecomeNobody()) return;
  DaemonProcess daemon(kPreforkdWithFaults);
  REQUIRE(daemon.BecomeNobody(1000));
  daemon.ExpectEvent("calls_refused");
  daemon.Serve(1, With(kFault, {"--pid-file", daemon.Path("pid")}));
  const std::string master = fmt::format("{}", daemon.MasterPid());
  for (const std::string& call : {"connect " + daemon.Path("control.sock"), "write " + daemon.Path("pid"),
                                  "signal " + master, "trace " + master, "limits " + master}) {
    CAPTURE(call);
    CHECK(Try(daemon, call) == "EPERM\n");
  }
  CHECK(Try(daemon, fmt::format("read /proc/{}/mem", master)) == "EACCES\n");
  CHECK(Try(daemon, fmt::format("read /proc/{}/environ", master)) == "EACCES\n");
  CHECK(daemon.WaitForEvent("calls_refused"));
}

TEST_CASE("a worker with the master's user that may connect anywhere: the control socket refuses workers") {
  if (!CanBecomeNobody()) return;
  DaemonProcess daemon(kPreforkdWithFaults);
  REQUIRE(daemon.BecomeNobody(1000));
  daemon.WriteConfig(ConfigText().Workers(1).Listen("fault").Service(
      "fault", "fault", {{"system_calls", "network, processes"}}));
  daemon.Serve(1);
  for (const char* who : {"ask", "child-ask"}) {
    CAPTURE(std::string(who));
    CHECK(Try(daemon, fmt::format("{} {}", who, daemon.Path("control.sock"))) == "permission denied\n");
  }
  CHECK(daemon.CountEvents("control_refused why=\"a worker\"") >= 1);  // at most one a second
  CHECK(daemon.AwaitWorkers(1));
}

TEST_CASE("worker.chroot: files beneath it are served, /proc is not needed, and nothing else is there") {
  if (!CanBecomeNobody()) return;
  TempDirectory jail;
  std::filesystem::create_directories(jail.Path("www/site"));
  WriteFile(jail.Path("www/site/hello.txt"), "hello from inside\n");
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(ConfigText()
                         .Workers(1)
                         .Set("user", "nobody")
                         .Set("worker.chroot", jail.Path())
                         .Set("log.file", daemon.Path("server.log"))
                         .Set("log.access", daemon.Path("access.log"))
                         .Listen("site")
                         .Listen("fault", "unix:" + daemon.Path("fault.sock"))
                         .Service("site", "http", {{"root", jail.Path("www/site")}})
                         .Service("fault", "fault"));
  daemon.Serve(1);
  HttpClient client(daemon.Address(0));
  const auto page = client.Get("/hello.txt");
  REQUIRE(page);
  CHECK(page->status == 200);
  CHECK(page->body == "hello from inside\n");
  const auto ask = [&daemon](const std::string& call) {
    TcpClient fault(daemon.Address(1));
    return fault.SendAll(fmt::format("call {}\n", call)) ? fault.ReadUntil("\n").value_or("") : "";
  };
  CHECK(ask("read /www/site/hello.txt") == "ok\n");
  CHECK(ask("read /etc/passwd") == "ENOENT\n");
  CHECK(ask("read ../../../../../etc/passwd") == "ENOENT\n");
  CHECK(ask("read /proc/self/statm") == "ENOENT\n");
  // The master opens new log files, also for workers that cannot.
  std::filesystem::rename(daemon.Path("server.log"), daemon.Path("old-server.log"));
  std::filesystem::rename(daemon.Path("access.log"), daemon.Path("old-access.log"));
  daemon.Signal(SIGUSR1);
  CHECK(WaitUntil(
      kTimeout, [&] { return EntriesOf(ReadFile(daemon.Path("server.log")), "log_reopened").size() == 1; }));
  CHECK(client.Get("/hello.txt"));
  CHECK(WaitUntil(kTimeout, [&] {
    return ReadFile(daemon.Path("access.log")).find("GET /hello.txt") != std::string::npos;
  }));
#ifndef PREFORKD_SANITIZED
  // The backtrace of a crash has symbols: the master has the files for them.
  daemon.ExpectEvent("worker_exited state=ready exit=SIGSEGV");
  TcpClient crash(daemon.Address(1));
  REQUIRE(crash.SendAll("crash\n"));
  CHECK(daemon.WaitForEvent("worker_exited state=ready exit=SIGSEGV"));
  CHECK(daemon.WaitForEvent("worker_backtrace symbol~preforkd::Intake::"));
  CHECK(daemon.AwaitWorkers(1));
#endif
}

}  // namespace preforkd::testing
