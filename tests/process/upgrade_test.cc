// Upgrade in place: the program is replaced in the same process, and connected clients notice nothing.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <thread>

#include "common/net/socket_ops.h"
#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"
#include "tests/support/keep_alive_clients.h"
#include "tests/support/load.h"
#include "tests/support/metrics_page.h"
#include "tests/support/notify_socket.h"
#include "tests/support/program_shelf.h"
#include "tests/support/server_status.h"
#include "tests/support/strace.h"

namespace preforkd::testing {
namespace {

ConfigText Services() {
  return ConfigText()
      .Listen("web")
      .Listen("ops", "127.0.0.2:0")
      .Listen("lines", "127.0.0.3:0")
      .Service("web", "http")
      .Service("ops", "status")
      .Service("lines", "echo");
}

ConfigText Config() { return Services().Workers(2); }

// Upgrades to the program on the shelf, and waits until only its workers are left.
void Upgrade(const DaemonProcess& daemon, const std::string& version) {
  const CommandResult result = Ctl(daemon, {"upgrade", "--wait"});
  CAPTURE(result.out);
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  CHECK(result.out.find("version " + version + " in place of ") != std::string::npos);
  CHECK(daemon.AwaitWorkers(2));
}

// Requests without a pause on one connection.
class Chatter {
 public:
  explicit Chatter(std::string address) : address_(std::move(address)), thread_([this] { Run(); }) {}
  Chatter(const Chatter&) = delete;
  Chatter& operator=(const Chatter&) = delete;
  ~Chatter() { Stop(); }

  void Stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] int Answers() const { return answers_; }
  [[nodiscard]] bool CutOff() const { return cut_off_; }

 private:
  void Run() {
    HttpClient client(address_);
    while (!stop_ && !cut_off_) {
      const auto response = client.Get("/");
      cut_off_ = !response || response->status != 200;
      ++answers_;
    }
  }

  std::string address_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> cut_off_{false};
  std::atomic<int> answers_{0};
  std::thread thread_;
};

}  // namespace

TEST_CASE(
    "three upgrades in a row: 200 idle clients, busy ones and new ones are all served, by the same process") {
  ProgramShelf shelf(kPreforkd);
  DaemonProcess daemon(shelf.Path());
  daemon.WriteConfig(Config().Set("parking.after", "50ms"));
  daemon.Serve(2);
  const std::vector<std::string> addresses = daemon.Addresses();
  KeepAliveClients idle(addresses[0], 200);
  Chatter chatter(addresses[0]);
  Load load(LoadKind::kHttp, addresses[0], 2);
  std::optional<MetricsPage> last = MetricsPage::Read(addresses[1]);
  for (const char* version : {"next", "0.2.0", "next"}) {
    shelf.Put(std::string(version) == "next" ? kPreforkdNext : kPreforkd);
    const std::uint64_t before = load.Ok();
    Upgrade(daemon, version);
    CHECK(idle.Answered() == 200);
    CHECK(WaitUntil(kTimeout, [&] { return load.Ok() > before + 20; }));
    const std::optional<MetricsPage> page = MetricsPage::Read(addresses[1]);
    REQUIRE(page);
    CHECK(page->WentBack(*last).empty());
    last = page;
  }
  chatter.Stop();
  CHECK_FALSE(chatter.CutOff());
  CHECK(chatter.Answers() > 3);
  const LoadResult result = load.Stop();
  CAPTURE(result.Text());
  CHECK(result.Failed() == 0);
  CHECK(last->Value("preforkd_upgrades_total{result=\"serves\"}") == 3);
  CHECK(last->Sum("preforkd_connections_lost_total") == 0);
  CHECK(WaitUntil(kTimeout, [&] { return AskStatus(addresses[1]).Exact(); }));
  CHECK(AskStatus(addresses[1]).generations.size() == 1);
  CHECK(daemon.AwaitAllParked());
  idle.Close();
}

TEST_CASE("a worker of the old program finishes its requests") {
  ProgramShelf shelf(kPreforkd);
  DaemonProcess daemon(shelf.Path());
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  TcpClient lines(daemon.Address(2));
  REQUIRE(lines.Echoes("before\n"));
  HttpClient half(daemon.Address(0));
  REQUIRE(half.Connection().SendAll("GET / HTTP/1.1\r\nHost: "));
  shelf.Put(kPreforkdNext);
  // Half a request does not travel, so its worker waits for the rest. The new program serves all the same.
  const CommandResult result = Ctl(daemon, {"upgrade", "--wait"});
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  REQUIRE(lines.Echoes("after\n"));
  REQUIRE(half.Connection().SendAll("x\r\n\r\n"));
  const auto response = half.ReadResponse();
  REQUIRE(response);
  CHECK(response->status == 200);
  CHECK(daemon.AwaitWorkers(2));
}

TEST_CASE("an upgrade reads the configuration again, as a reload does") {
  ProgramShelf shelf(kPreforkd);
  DaemonProcess daemon(shelf.Path());
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  const std::string web = daemon.Address(0);
  HttpClient kept(web);
  REQUIRE(kept.Get("/"));
  daemon.WriteConfig(Config().Listen("lines", "127.0.0.4:0"));
  Upgrade(daemon, "0.2.0");
  REQUIRE(daemon.Addresses().size() == 4);
  CHECK(TcpClient(daemon.Address(3)).Echoes("hello\n"));
  CHECK(kept.Get("/"));
  kept.Connection().Close();
  daemon.RebaseDescriptors();
}

TEST_CASE("an upgrade keeps pools, sets their workers as configured, and adds and removes pools") {
  ProgramShelf shelf(kPreforkd);
  DaemonProcess daemon(shelf.Path());
  const ConfigText services =
      Services().Workers(1).Pool("ops", {{"workers", 1}}).Set("service.ops.pool", "ops");
  daemon.WriteConfig(ConfigText(services).Pool("lines", {{"workers", 1}}).Set("service.lines.pool", "lines"));
  daemon.Serve(3);
  KeepAliveClients web(daemon.Address(0), 20);
  KeepAliveClients ops(daemon.Address(1), 20);
  TcpClient lines(daemon.Address(2));
  REQUIRE(lines.Echoes("before\n"));
  CHECK(Ctl(daemon, {"scale", "lines=3"}).code == 0);
  REQUIRE(daemon.AwaitWorkers(5));
  const auto upgrade = [&](std::size_t workers) {
    const CommandResult result = Ctl(daemon, {"upgrade", "--wait"});
    CAPTURE(result.err);
    REQUIRE(result.code == 0);
    REQUIRE(daemon.AwaitWorkers(workers));
    CHECK(web.Answered() == 20);
    CHECK(ops.Answered() == 20);
    CHECK(lines.Echoes("after\n"));
  };
  upgrade(3);  // as a reload: the number of workers is that of the configuration
  // A service moves, a pool is removed, another one is added.
  daemon.WriteConfig(ConfigText(services).Pool("more", {{"workers", 2}}).Set("service.lines.pool", "more"));
  upgrade(4);
  CHECK(TcpClient(daemon.Address(2)).Echoes("new\n"));
  CHECK(AskStatus(daemon.Address(1)).lost == 0);
  web.Close();
  ops.Close();
  lines.Close();
  daemon.RebaseDescriptors();
}

TEST_CASE("USR2 upgrades too, and the pid file, socket file and control socket stay") {
  ProgramShelf shelf(kPreforkd);
  DaemonProcess daemon(shelf.Path());
  daemon.WriteConfig(
      Config().Set("pid_file", daemon.Path("pid")).Listen("web", "unix:" + daemon.Path("web.sock")));
  daemon.Serve(2);
  TcpClient waiting("unix:" + daemon.Path("control.sock"));  // sends its command only after the upgrade
  daemon.Signal(SIGUSR2);
  REQUIRE(daemon.WaitForEvent("upgrade_done from_version=0.2.0"));
  REQUIRE(daemon.AwaitWorkers(2));
  CHECK(ReadFile(daemon.Path("pid")) == fmt::format("{}\n", daemon.MasterPid()));
  CHECK(HttpClient(TcpClient("unix:" + daemon.Path("web.sock"))).Get("/"));
  REQUIRE(waiting.SendAll("{\"command\":\"status\"}\n"));
  CHECK(waiting.ReadUntil("\n").value_or("").starts_with("{\"ok\":true"));
  waiting.Close();
  // The lock on the pid file is still held: a second server does not start.
  DaemonProcess second;
  second.ExpectExit(71);
  CHECK(second.Run({"--listen", "127.0.0.1:0", "--pid-file", daemon.Path("pid")}) == 71);
  CHECK(second.AwaitEvents(
            "start_failed why~" + daemon.Path("pid") + fmt::format(" why~\"process {}\"", daemon.MasterPid()),
            1) == 1);
}

TEST_CASE(
    "sockets that a service manager has passed stay open, and the new program finds them by their names") {
  Result<UniqueFd> fd = BindSocket(ParseListenAddress("127.0.0.1:0").Value());
  REQUIRE(fd.Ok());
  REQUIRE(Listen(fd.Value().Get(), 64).Ok());
  const std::string address = LocalAddress(fd.Value().Get()).Value().Text();
  ProgramShelf shelf(kPreforkd);
  DaemonProcess daemon(shelf.Path());
  daemon.PassSocket("web", fd.Value().Get());
  daemon.WriteConfig(ConfigText().Workers(2).Listen("s", "systemd:web").Service("s", "http"));
  daemon.Serve(2);
  for (const char* version : {"next", "0.2.0"}) {
    shelf.Put(std::string(version) == "next" ? kPreforkdNext : kPreforkd);
    Upgrade(daemon, version);
    CHECK(HttpClient(address).Get("/"));
  }
  daemon.Signal(SIGTERM);
  CHECK(daemon.Wait() == 0);
  CHECK(TcpClient::Connect(address).Ok());  // the manager still holds it
}

TEST_CASE("upgrades between kills of workers, reloads and scaling: all clients are served") {
  ProgramShelf shelf(kPreforkd);
  DaemonProcess daemon(shelf.Path());
  daemon.ExpectEvent("worker_exited exit=SIGKILL");
  daemon.WriteConfig(Config().Set("parking.after", "20ms"));
  daemon.Serve(2);
  KeepAliveClients idle(daemon.Address(0), 60);
  REQUIRE(daemon.AwaitAllParked());
  for (int round = 0; round < 6; ++round) {
    CAPTURE(round);
    shelf.Put(round % 2 == 0 ? kPreforkdNext : kPreforkd);
    daemon.Signal(round % 3 == 0 ? SIGHUP : SIGTTIN);
    daemon.Signal(SIGUSR2);
    if (round % 2 == 0) {
      std::vector<pid_t> workers;
      REQUIRE(WaitUntil(kTimeout, [&] { return !(workers = daemon.WorkerPids()).empty(); }));
      ::kill(workers.front(), SIGKILL);
    }
    REQUIRE(daemon.WaitForEvent("upgrade_done", static_cast<std::size_t>(round) + 1));
    CHECK(idle.Answered() == 60);
    REQUIRE(daemon.AwaitAllParked());
  }
  CHECK(WaitUntil(kTimeout, [&] { return AskStatus(daemon.Address(1)).Exact(); }));
  CHECK(AskStatus(daemon.Address(1)).lost == 0);
  daemon.IgnoreDescriptors();  // of additional workers
}

TEST_CASE("the service manager gets the same notifications for an upgrade as for a reload") {
  NotifySocket manager;
  ProgramShelf shelf(kPreforkd);
  DaemonProcess daemon(shelf.Path());
  daemon.SetEnvironment("NOTIFY_SOCKET", manager.Name());
  daemon.SetEnvironment("WATCHDOG_USEC", "400000");
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  Upgrade(daemon, "0.2.0");
  std::vector<std::string> said;
  REQUIRE(WaitUntil(kTimeout, [&] {
    for (const Notice& notice : manager.Waiting()) {
      if (notice.text.find("WATCHDOG=1") == std::string::npos) said.push_back(notice.text);
    }
    return said.size() >= 3;
  }));
  CHECK(said[0] == "READY=1\nSTATUS=serving: generation 1, 2 workers\n");
  CHECK(said[1].starts_with("RELOADING=1\nMONOTONIC_USEC="));
  CHECK(said[2] == "READY=1\nSTATUS=serving: generation 2, 2 workers\n");
  // The new program sends WATCHDOG=1 too.
  CHECK(WaitUntil(kTimeout, [&] {
    const auto notices = manager.Waiting();
    return std::any_of(notices.begin(), notices.end(),
                       [](const Notice& n) { return n.text == "WATCHDOG=1\n"; });
  }));
  shelf.Remove();
  CHECK(Ctl(daemon, {"upgrade", "--wait"}).code == 1);
  daemon.Signal(SIGTERM);
  CHECK(daemon.Wait() == 0);
  said.clear();
  for (const Notice& notice : manager.Waiting()) {
    if (notice.text.find("WATCHDOG=1") == std::string::npos) said.push_back(notice.text);
  }
  REQUIRE(said.size() == 3);
  CHECK(said[0].starts_with("RELOADING=1\nMONOTONIC_USEC="));
  CHECK(said[1].starts_with("READY=1\nSTATUS=upgrade refused: execve "));
  CHECK(said[2].starts_with("STOPPING=1\n"));
}

TEST_CASE(
    "a worker that is killed while the program is replaced counts as a crash with SIGKILL, not as an exit") {
  ProgramShelf shelf(kPreforkd);
  DaemonProcess daemon(shelf.Path());
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  daemon.ExpectEvent("worker_exited state=ready exit=SIGKILL");
  const std::vector<pid_t> workers = daemon.WorkerPids();
  {
    const Strace slow(daemon.MasterPid(), {"-e", "trace=execve", "-e", "inject=execve:delay_enter=700000"},
                      daemon.Path("strace.log"));
    if (!slow.Attached()) {
      MESSAGE("skipped: strace is missing or may not trace");
      return;
    }
    daemon.Signal(SIGUSR2);
    REQUIRE(daemon.WaitForEvent("upgrade_exec"));
    for (const pid_t worker : workers) REQUIRE(::kill(worker, SIGKILL) == 0);
    CHECK(daemon.WaitForEvent("upgrade_resumed workers=2"));
  }
  CHECK(daemon.WaitForEvent("upgrade_done generation=2"));
  CHECK(daemon.WaitForEvent("worker_exited state=ready exit=SIGKILL", 2));
  CHECK(daemon.AwaitEvents("worker_exited", 2) == 2);
  CHECK(daemon.AwaitWorkers(2));
  const std::string metrics = Ctl(daemon, {"metrics"}).out;
  CHECK(metrics.find("preforkd_worker_restarts_total{pool=\"main\",reason=\"crash\"} 2\n") !=
        std::string::npos);
  CHECK(metrics.find("preforkd_worker_restarts_total{pool=\"main\",reason=\"exit\"} 0\n") !=
        std::string::npos);
}

TEST_CASE("bounds by client address hold over an upgrade: what is parked counts in the next program") {
  constexpr int kMost = 5;
  ProgramShelf shelf(kPreforkd);
  DaemonProcess daemon(shelf.Path());
  daemon.WriteConfig(Config().Set("parking.after", "50ms").Set("limits.connections", kMost));
  daemon.Serve(2);
  const auto ask = [&] { return HttpClient(daemon.Address()).Get("/").value().status; };
  std::vector<HttpClient> clients;
  for (int i = 0; i < kMost; ++i) {
    clients.emplace_back(daemon.Address());
    CHECK(clients.back().Get("/").value().status == 200);
  }
  for (const char* program : {kPreforkdNext, kPreforkd}) {
    REQUIRE(daemon.AwaitAllParked());
    CHECK(ask() == 429);
    shelf.Put(program);
    Upgrade(daemon, program == kPreforkdNext ? "next" : "0.2.0");
    CHECK(ask() == 429);
    for (HttpClient& client : clients) CHECK(client.Get("/").value().status == 200);
  }
  clients.clear();
  CHECK(WaitUntil(kTimeout, [&] { return ask() == 200; }));
  CHECK(MetricsPage::Read(daemon.Address(1)).value().Sum("preforkd_clients_bounded_total") >= 4);
}

}  // namespace preforkd::testing
