// What the server and its workers keep of the process that started the server: no secrets of the environment,
// no forgotten descriptors, and for workers no protection from the OOM killer.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "common/net/socket_ops.h"
#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/proc_status.h"
#include "tests/support/tcp_client.h"
#include "tests/support/temp_directory.h"

namespace preforkd::testing {
namespace {

const std::vector<std::string> kEcho = {"--service", "echo", "--listen", "127.0.0.1:0", "--workers", "2"};

std::vector<std::string> With(const std::vector<std::string>& more) {
  std::vector<std::string> flags = kEcho;
  flags.insert(flags.end(), more.begin(), more.end());
  return flags;
}

// The environment of a process: NAME=VALUE, sorted.
std::vector<std::string> Environment(pid_t pid) {
  const std::string text = ReadFile(fmt::format("/proc/{}/environ", pid));
  std::vector<std::string> variables;
  for (std::size_t at = 0; at < text.size();) {
    const std::string variable(text.c_str() + at);
    at += variable.size() + 1;
    if (!variable.empty()) variables.push_back(variable);
  }
  std::sort(variables.begin(), variables.end());
  return variables;
}

bool Holds(const std::vector<std::string>& variables, const std::string& variable) {
  return std::count(variables.begin(), variables.end(), variable) == 1;
}

// A shell that runs `commands` and executes the server.
std::vector<std::string> Shell(const std::string& commands) {
  return {"/bin/sh", "-c", commands + "; exec \"$@\"", "sh"};
}

}  // namespace

TEST_CASE("a worker keeps a short list of variables and nothing else of the environment") {
  DaemonProcess daemon;
  daemon.SetEnvironment("SECRET", "xyzzy");
  daemon.SetEnvironment("LC_TIME", "C");
  daemon.SetEnvironment("PATH", "/usr/bin:/bin");
  daemon.SetEnvironment("A_LAST_ONE", "xyzzy");
  daemon.Serve(2, kEcho);
  REQUIRE(daemon.Reload());
  REQUIRE(daemon.AwaitWorkers(2));
  for (const pid_t worker : daemon.WorkerPids()) {
    const std::string raw = ReadFile(fmt::format("/proc/{}/environ", worker));
    CHECK(raw.find("xyzzy") == std::string::npos);
    CHECK(raw.find("SECRET") == std::string::npos);
    const std::vector<std::string> kept = Environment(worker);
    CHECK(Holds(kept, "LC_TIME=C"));
    CHECK(Holds(kept, "PATH=/usr/bin:/bin"));
    for (const std::string& variable : kept) {
      CAPTURE(variable);
      const std::string name = variable.substr(0, variable.find('='));
      const bool listed = name == "PATH" || name == "LANG" || name.starts_with("LC_") || name == "TZ" ||
                          name == "TMPDIR" || name == "HOME";
      CHECK(listed);
    }
  }
}

TEST_CASE("a worker keeps the configured variables, across a crash, a reload and an upgrade") {
  DaemonProcess daemon;
  daemon.SetEnvironment("DATABASE_URL", "db");
  daemon.SetEnvironment("APP_ONE", "1");
  daemon.SetEnvironment("APP_TWO", "2");
  daemon.SetEnvironment("SECRET", "xyzzy");
  daemon.Serve(2, With({"--set", "worker.environment=DATABASE_URL, APP_*"}));
  const std::vector<std::string> listed = {"APP_ONE=1", "APP_TWO=2", "DATABASE_URL=db"};
  for (const pid_t worker : daemon.WorkerPids()) CHECK(Environment(worker) == listed);
  daemon.ExpectEvent("worker_exited state=ready exit=SIGKILL");
  REQUIRE(::kill(daemon.ReadyWorkers().at(0).pid, SIGKILL) == 0);
  REQUIRE(daemon.WaitForEvent("worker_ready", 3));
  for (const pid_t worker : daemon.WorkerPids()) CHECK(Environment(worker) == listed);
  daemon.Signal(SIGUSR2);
  REQUIRE(daemon.WaitForEvent("upgrade_done generation=2"));
  REQUIRE(daemon.AwaitWorkers(2));
  for (const pid_t worker : daemon.WorkerPids()) CHECK(Environment(worker) == listed);
}

TEST_CASE("an empty list: a worker has no environment") {
  DaemonProcess daemon;
  daemon.Serve(2, With({"--set", "worker.environment="}));
  for (const pid_t worker : daemon.WorkerPids()) CHECK(Environment(worker).empty());
}

TEST_CASE("descriptors that the parent process left open are closed, and the log names them") {
  DaemonProcess daemon;
  const TempDirectory folder;
  WriteFile(folder.Path("secret"), "xyzzy");
  daemon.LaunchBy(Shell(fmt::format("exec 7<{0} 9<{0}", folder.Path("secret"))));
  daemon.Serve(2, kEcho);
  CHECK(daemon.AwaitEvents("descriptors_closed descriptors=2 fds=\"7,9\"", 1) == 1);
  const std::map<int, std::string> fds = FdSnapshot::Of(daemon.MasterPid()).Targets();
  for (const auto& [fd, target] : fds) {
    CAPTURE(fd);
    CHECK(target != folder.Path("secret"));
  }
}

TEST_CASE("sockets of a service manager stay open, and later descriptors are closed") {
  Result<UniqueFd> socket = BindSocket(ParseListenAddress("127.0.0.1:0").Value());
  REQUIRE(socket.Ok());
  REQUIRE(Listen(socket.Value().Get(), 8).Ok());
  const std::string address = LocalAddress(socket.Value().Get()).Value().Text();
  DaemonProcess daemon;
  const TempDirectory folder;
  WriteFile(folder.Path("secret"), "xyzzy");
  daemon.PassSocket("web", socket.Value().Get());
  daemon.LaunchBy(Shell("exec 8<" + folder.Path("secret")));
  daemon.Serve(2, {"--service", "echo", "--listen", "systemd:web", "--workers", "2"});
  CHECK(daemon.AwaitEvents("descriptors_closed descriptors=1 fds=8", 1) == 1);
  {
    TcpClient client(address);
    CHECK(client.Echoes("hello"));
  }
  // An upgrade keeps everything that is open for a reason.
  daemon.Signal(SIGUSR2);
  REQUIRE(daemon.WaitForEvent("upgrade_done generation=2"));
  CHECK(daemon.AwaitEvents("descriptors_closed", 1) == 1);
  TcpClient client(address);
  CHECK(client.Echoes("still here"));
}

TEST_CASE("sockets that were passed for another process are closed, too") {
  DaemonProcess daemon;
  const TempDirectory folder;
  WriteFile(folder.Path("secret"), "xyzzy");
  daemon.LaunchBy(Shell(fmt::format("exec 3<{0}; export LISTEN_PID=1 LISTEN_FDS=1", folder.Path("secret"))));
  daemon.Serve(2, kEcho);
  CHECK(daemon.AwaitEvents("descriptors_closed descriptors=1 fds=3", 1) == 1);
}

TEST_CASE("the configuration may come from a descriptor of the shell") {
  DaemonProcess daemon;
  const TempDirectory folder;
  WriteFile(folder.Path("config"), ConfigText().Listen("s").Service("s", "echo").Text());
  daemon.LaunchBy(Shell(fmt::format("exec 9<{}", folder.Path("config"))));
  CHECK(daemon.Run({"-c", "/dev/fd/9", "--check"}) == 0);
  CHECK(daemon.Output() == "configuration ok\n");
}

TEST_CASE("signals that the parent process blocked or ignored reach the server") {
  DaemonProcess daemon;
  daemon.LaunchBy({"/usr/bin/env", "--block-signal", "--ignore-signal"});
  daemon.Serve(2, kEcho);
  CHECK(daemon.Reload());
  REQUIRE(daemon.AwaitWorkers(2));
  daemon.ExpectEvent("worker_exited state=ready exit=SIGKILL");
  REQUIRE(::kill(daemon.ReadyWorkers().at(0).pid, SIGKILL) == 0);
  CHECK(daemon.WaitForEvent("worker_ready", 5));
  daemon.Signal(SIGTERM);
  CHECK(daemon.Wait() == 0);
}

TEST_CASE("the master keeps its protection from the OOM killer, its workers do not") {
  DaemonProcess daemon;
  daemon.LaunchBy(Shell("echo -500 > /proc/$$/oom_score_adj"));
  daemon.Serve(2, kEcho);
  const auto score = [](pid_t pid) { return ReadFile(fmt::format("/proc/{}/oom_score_adj", pid)); };
  if (score(daemon.MasterPid()) != "-500\n") {
    MESSAGE("skipped: oom_score_adj cannot be lowered here");
    return;
  }
  for (const pid_t worker : daemon.WorkerPids()) CHECK(score(worker) == "0\n");
}

}  // namespace preforkd::testing
