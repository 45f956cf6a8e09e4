// The control socket of the real server, used by the real preforkctl and by hostile clients.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "common/net/address.h"
#include "tests/support/command.h"
#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/fork_peer.h"
#include "tests/support/load.h"
#include "tests/support/tcp_client.h"
#include "tests/support/yardstick.h"

namespace preforkd::testing {
namespace {

using std::chrono::seconds;

ConfigText Config(int workers = 2) {
  return ConfigText().Workers(workers).Listen("web").Service("web", "http");
}

std::string SocketOf(const DaemonProcess& daemon) { return daemon.Path("control.sock"); }
std::string AddressOf(const DaemonProcess& daemon) { return "unix:" + SocketOf(daemon); }

std::vector<std::string> CtlWords(const DaemonProcess& daemon, std::vector<std::string> words) {
  words.insert(words.begin(), {RunfilePath("preforkctl"), "--control", SocketOf(daemon)});
  return words;
}

// Sends one line, reads one line.
std::string Ask(TcpClient& client, const std::string& line) {
  if (!client.SendAll(line + "\n")) return "not sent";
  return client.ReadUntil("\n").value_or("no answer");
}

constexpr const char* kStatus = R"({"command":"status"})";

bool Answers(const DaemonProcess& daemon) {
  TcpClient client(AddressOf(daemon));
  return Ask(client, kStatus).starts_with(R"({"ok":true,"result":{"version":)");
}

}  // namespace

TEST_CASE("the commands that only read") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  struct stat info {};
  REQUIRE(::stat(SocketOf(daemon).c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0600);

  const CommandResult status = Ctl(daemon, {"status"});
  CHECK(status.code == 0);
  CHECK(status.out.starts_with(
      fmt::format("preforkd 0.2.0  serving  generation 1  pid {}  up ", daemon.MasterPid())));
  CHECK(status.out.find(daemon.Address() + "  web") != std::string::npos);
  for (const pid_t worker : daemon.WorkerPids()) {
    CHECK(status.out.find(fmt::format("  {}  ready ", worker)) != std::string::npos);
  }
  const CommandResult json = Ctl(daemon, {"--json", "status"});
  CHECK(json.out.starts_with(fmt::format(R"({{"version":"0.2.0","pid":{},)", daemon.MasterPid())));
  CHECK(LinesWith(Ctl(daemon, {"workers"}).out, "ready").size() == 2);
  CHECK(Ctl(daemon, {"workers", "--json"}).out.starts_with(R"([{"slot":0,)"));
  CHECK(Ctl(daemon, {"config"}).out.find("workers = 2 ") != std::string::npos);
  CHECK(Ctl(daemon, {"metrics"}).out.find("\npreforkd_generation 1\n") != std::string::npos);
  const CommandResult top = Ctl(daemon, {"top"});
  CHECK(top.code == 0);
  CHECK(LinesWith(top.out, "ready").size() == 2);
  CHECK(top.out.find('\x1b') == std::string::npos);  // plain text for a pipe
}

TEST_CASE("reload --wait ends when the new generation serves; reload ends when it has begun") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  const CommandResult waited = Ctl(daemon, {"reload", "--wait"});
  CHECK(waited.code == 0);
  CHECK(waited.out == "generation 2 serves\n");
  CHECK(daemon.AwaitEvents("reload_done generation=2", 1) == 1);
  CHECK(Ctl(daemon, {"reload"}).out.starts_with("the reload "));
  CHECK(daemon.WaitForEvent("reload_done generation=3"));
  REQUIRE(daemon.AwaitWorkers(2));
}

TEST_CASE("reload of a broken file: exit 1 and the place of each problem, within a second") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  daemon.WriteConfig(
      "workers = 2\nworkrs = 3\n[[listen]]\naddress = \"127.0.0.1:0\"\nservice = \"web\"\n"
      "[service.web]\ntype = \"http\"\nrot = \"/\"\n");
  const Yardstick machine;
  for (const bool wait : {true, false}) {
    const Time start = Now();
    const CommandResult refused =
        Ctl(daemon, wait ? std::vector<std::string>{"reload", "--wait"} : std::vector<std::string>{"reload"});
    CHECK(Now() - start < machine.Allow(seconds(1)));
    CHECK(refused.code == 1);
    CHECK(refused.out.empty());
    CHECK(refused.err.find(daemon.ConfigPath() + ":2:1: unknown key 'workrs'") != std::string::npos);
    CHECK(refused.err.find(daemon.ConfigPath() + ":8:1: ") != std::string::npos);
    CHECK(refused.err.find(
              "preforkctl: reload refused: the configuration has 2 problems; generation 1 keeps serving") !=
          std::string::npos);
  }
  const CommandResult json = Ctl(daemon, {"reload", "--json"});
  CHECK(json.code == 1);
  CHECK(json.out.starts_with(R"({"ok":false,"message":"reload refused: )"));
  CHECK(json.out.find(R"("problems":[")") != std::string::npos);
}

TEST_CASE("reload --wait of a generation that cannot start: exit 1 when it is abandoned") {
  DaemonProcess daemon(kPreforkdWithFaults);
  const ConfigText good = ConfigText().Workers(1).Listen("s").Service("s", "fault");
  daemon.WriteConfig(good);
  daemon.ExpectEvent("worker_exited state=starting");
  daemon.Serve(1);
  daemon.WriteConfig(ConfigText(good).Set("service.s.crash_at_start", "all"));
  const CommandResult refused = Ctl(daemon, {"reload", "--wait"});
  MESSAGE(refused.err);
  CHECK(refused.code == 1);
  CHECK(refused.err.find("generation 1 keeps serving") != std::string::npos);
}

TEST_CASE("several reloads that wait are all answered") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  std::vector<TcpClient> clients;
  for (int i = 0; i < 5; ++i) {
    clients.emplace_back(AddressOf(daemon));
    REQUIRE(clients.back().SendAll("{\"command\":\"reload\",\"wait\":true}\n"));
  }
  for (TcpClient& client : clients) CHECK(client.ReadUntil("\n").value_or("").starts_with(R"({"ok":true)"));
  REQUIRE(daemon.AwaitWorkers(2));
}

TEST_CASE("scale, retire, reopen-logs, stop") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  CHECK(Ctl(daemon, {"scale", "4"}).out == "worker count set to 4\n");
  CHECK(daemon.AwaitWorkers(4));
  CHECK(Ctl(daemon, {"scale", "0"}).code == 1);
  CHECK(Ctl(daemon, {"scale", "257"}).err == "preforkctl: scale: 1 to 256 workers\n");
  CHECK(Ctl(daemon, {"scale", "main=3"}).out == "worker count set to 3\n");
  CHECK(daemon.AwaitWorkers(3));
  CHECK(Ctl(daemon, {"scale", "mian=3"}).err ==
        "preforkctl: scale: there is no pool 'mian'; did you mean 'main'?\n");
  CHECK(Ctl(daemon, {"scale", "application=3"}).err == "preforkctl: scale: there is no pool 'application'\n");
  CHECK(Ctl(daemon, {"status"}).out.find("POOL") == std::string::npos);
  CHECK(Ctl(daemon, {"--json", "status"})
            .out.find(R"("pools":[{"name":"main","kind":"services","state":"serving","workers_wanted":3,)") !=
        std::string::npos);
  CHECK(Ctl(daemon, {"scale", "2"}).code == 0);
  REQUIRE(daemon.AwaitWorkers(2));

  const WorkerLife worker = daemon.ReadyWorkers().at(0);
  CHECK(Ctl(daemon, {"retire", fmt::format("{}", worker.slot)}).code == 0);
  CHECK(WaitUntil(kTimeout, [&] {
    const std::vector<pid_t> pids = daemon.WorkerPids();
    return pids.size() == 2 && std::find(pids.begin(), pids.end(), worker.pid) == pids.end();
  }));
  CHECK(Ctl(daemon, {"retire", "900"}).err == "preforkctl: retire: no worker serves in slot 900\n");
  CHECK(Ctl(daemon, {"reopen-logs"}).out == "all processes write to the reopened logs\n");
  CHECK(Ctl(daemon, {"stop"}).out == "stopping\n");
  CHECK(daemon.Wait() == 0);
  const CommandResult nobody = Ctl(daemon, {"status"});
  CHECK(nobody.code == 69);
  CHECK(nobody.err.starts_with("preforkctl: no preforkd answers at "));
}

TEST_CASE("invalid requests are answered, and the connection stays open") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  TcpClient client(AddressOf(daemon));
  CHECK(Ask(client, "hello") == "{\"ok\":false,\"message\":\"not a JSON object in one line\"}\n");
  CHECK(Ask(client, "") == "{\"ok\":false,\"message\":\"not a JSON object in one line\"}\n");
  CHECK(Ask(client, R"({"command":"dance"})") == "{\"ok\":false,\"message\":\"unknown command 'dance'\"}\n");
  CHECK(Ask(client, kStatus).starts_with(R"({"ok":true)"));
  // In pieces, several at once, and at the end half a request that is never completed.
  REQUIRE(client.SendAll(R"({"comm)"));
  REQUIRE(client.SendAll("and\":\"status\"}\n{\"command\":\"dance\"}\n{\"command\":\"sta"));
  CHECK(client.ReadUntil("\n").value_or("").starts_with(R"({"ok":true)"));
  CHECK(client.ReadUntil("\n").value_or("").starts_with(R"({"ok":false)"));
  client.HalfClose();
  CHECK(client.IsClosedByPeer());
}

TEST_CASE("requests behind one that waits for a reload are handled in order, the last is a stop") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  TcpClient client(AddressOf(daemon));
  REQUIRE(
      client.SendAll("{\"command\":\"reload\",\"wait\":true}\n{\"command\":\"scale\",\"workers\":3}\n"
                     "{\"command\":\"reload\",\"wait\":true}\n{\"command\":\"stop\"}\n"));
  for (const char* message :
       {"generation 2 serves", "worker count set to 3", "generation 3 serves", "stopping"}) {
    const std::string answer = client.ReadUntil("\n").value_or("");
    CAPTURE(answer);
    CHECK(answer.find(message) != std::string::npos);
  }
  CHECK(client.IsClosedByPeer());
  CHECK(daemon.Wait() == 0);
}

TEST_CASE("a request that is too long ends its connection; half a request has a deadline") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  TcpClient huge(AddressOf(daemon));
  (void)huge.SendAll(std::string(1 << 20, 'x'));  // it may be cut off before it has sent all
  CHECK(huge.ReadUntil("\n").value_or("") == "{\"ok\":false,\"message\":\"the request is too long\"}\n");
  TcpClient half(AddressOf(daemon));
  REQUIRE(half.SendAll("{\"command\":"));
  CHECK(half.IsClosedByPeer());  // after ten seconds
  CHECK(Answers(daemon));
}

TEST_CASE("clients that never read, and more clients than allowed, do not lock others out") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config(64));
  daemon.Serve(64);
  // Each asks for far more than its socket buffer holds.
  std::vector<TcpClient> silent;
  for (int i = 0; i < 40; ++i) {
    silent.emplace_back(AddressOf(daemon));
    std::string many;
    for (int n = 0; n < 500; ++n) many += std::string(kStatus) + "\n";
    (void)silent.back().SendAll(many);
    CHECK(Answers(daemon));
  }
  std::vector<TcpClient> idle;
  for (int i = 0; i < 100; ++i) idle.emplace_back(AddressOf(daemon));
  CHECK(Answers(daemon));
  CHECK(Ctl(daemon, {"scale", "2"}).code == 0);
  CHECK(daemon.AwaitWorkers(2));
  daemon.IgnoreDescriptors();  // there are fewer workers than at first
}

TEST_CASE("clients that leave while they wait do no harm") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  for (int i = 0; i < 10; ++i) {
    TcpClient client(AddressOf(daemon));
    REQUIRE(client.SendAll("{\"command\":\"reload\",\"wait\":true}\n"));
  }
  CHECK(daemon.WaitForEvent("reload_done generation=2"));
  REQUIRE(daemon.AwaitWorkers(2));
  CHECK(Answers(daemon));
}

TEST_CASE("another user is refused, whatever the mode of the socket file") {
  if (::geteuid() != 0) {
    MESSAGE("skipped: needs root");
    return;
  }
  DaemonProcess daemon;
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  REQUIRE(::chmod(SocketOf(daemon).c_str(), 0666) == 0);
  const PeerResult peer = RunPeer([&] {
    const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
    const int folder = ::open(std::filesystem::path(SocketOf(daemon)).parent_path().c_str(), O_PATH);
    // Enter the folder first: other users may lack access to its path.
    if (::fchdir(folder) != 0 || ::setgroups(0, nullptr) != 0 || ::setresuid(65534, 65534, 65534) != 0)
      return 1;
    const SocketAddress near = SocketPath("control.sock").Value().address;
    if (::connect(fd.Get(), near.Get(), near.length) != 0) return 2;
    char answer[128] = {};
    return ::recv(fd.Get(), answer, sizeof(answer) - 1, 0) > 0 &&
                   std::string_view(answer) == "{\"ok\":false,\"message\":\"permission denied\"}\n"
               ? 0
               : 3;
  });
  CHECK_MESSAGE(peer.Ok(), peer.Text());
  CHECK(daemon.WaitForEvent("control_refused user=65534"));
}

TEST_CASE("a second server cannot take the control socket of a running one") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  DaemonProcess other;
  other.WriteConfig(Config());
  other.ExpectExit(71);
  other.Start({"--control", SocketOf(daemon)});
  CHECK(other.Wait() == 71);
  CHECK(other.AwaitEvents("start_failed errno=EADDRINUSE", 1) == 1);
  CHECK(Answers(daemon));  // it has kept its socket
}

TEST_CASE("a socket file that a killed server left behind is replaced") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  daemon.ExpectOrphans();
  daemon.ExpectExit(128 + SIGKILL);
  daemon.Signal(SIGKILL);
  CHECK(daemon.Wait() == 128 + SIGKILL);
  REQUIRE(std::filesystem::exists(SocketOf(daemon)));
  DaemonProcess successor;
  successor.ExpectOrphans();  // of the first server
  successor.WriteConfig(Config());
  successor.Serve(2, {"--control", SocketOf(daemon)});
  TcpClient client(AddressOf(daemon));
  CHECK(Ask(client, kStatus).starts_with(R"({"ok":true)"));
  client.Close();
  successor.Signal(SIGTERM);
  CHECK(successor.Wait() == 0);
  CHECK_FALSE(std::filesystem::exists(SocketOf(daemon)));
}

TEST_CASE("top on a terminal: live, keys sort and quit, and the terminal is restored") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  TerminalCommand top(CtlWords(daemon, {"top"}));
  CHECK(top.Shows("\x1b[?1049h"));
  CHECK(top.Shows("SLOT"));
  CHECK_FALSE(top.IsCooked());
  top.Type("r");
  CHECK(top.Shows("SLOT"));
  top.Resize(40, 10);
  CHECK(top.Shows("SLOT"));
  CHECK(top.Shows("requests/s"));  // the next second's
  SUBCASE("q") {
    top.Type("q");
    CHECK(top.Wait() == 0);
  }
  SUBCASE("TERM") {
    ::kill(top.Pid(), SIGTERM);
    CHECK(top.Wait() == 0);
  }
  SUBCASE("the server goes, and comes back") {
    daemon.Signal(SIGTERM);
    CHECK(daemon.Wait() == 0);
    CHECK(top.Shows("trying again every second"));
    DaemonProcess successor;
    successor.WriteConfig(Config());
    successor.Serve(2, {"--control", SocketOf(daemon)});
    CHECK(top.Shows("SLOT"));
    top.Type("q");
    CHECK(top.Wait() == 0);
  }
  CHECK(top.Written().ends_with("\x1b[?25h\x1b[?1049l"));
  CHECK(top.IsCooked());
}

}  // namespace preforkd::testing
