// Sockets that a service manager opens and keeps: the server finds them by name, does not change them, and
// leaves them open for clients when it ends.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <memory>

#include "common/net/socket_ops.h"
#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/load.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

constexpr const char* kSocketActivate = "/usr/bin/systemd-socket-activate";

// A socket that the service manager holds.
struct ManagersSocket {
  UniqueFd fd;
  std::string address;
};

ManagersSocket Bind(const std::string& text) {
  const Result<ListenAddress> address = ParseListenAddress(text);
  Result<UniqueFd> fd = BindSocket(address.Value());
  REQUIRE(fd.Ok());
  REQUIRE(Listen(fd.Value().Get(), 4096).Ok());
  const std::string bound = LocalAddress(fd.Value().Get()).Value().Text();
  return {std::move(fd).Value(), bound};
}

// Two services behind two names: "web" answers HTTP, "talk" echoes. The clients of "talk" send first, so with
// defer_accept its connections are accepted when they have sent something. Otherwise a connection that has
// not sent anything when the server stops would be idle and would be closed.
ConfigText TwoServices() {
  return ConfigText()
      .Workers(2)
      .Listen("web", "systemd:web")
      .Listen("talk", "systemd:talk", {{"defer_accept", true}})
      .Service("web", "http")
      .Service("talk", "echo");
}

bool AnswersHttp(const std::string& address) {
  TcpClient client(address);
  return client.SendAll("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") &&
         client.ReadUntil("\r\n").value_or("") == "HTTP/1.1 200 OK\r\n";
}

bool AnswersEcho(const std::string& address) {
  TcpClient client(address);
  return client.Echoes("ping");
}

// Clients of both services, in a process of their own because the test forks servers meanwhile.
class LoadProcess {
 public:
  LoadProcess(const std::string& web, const std::string& talk) {
    REQUIRE(::pipe2(pipe_.data(), O_CLOEXEC) == 0);
    pid_ = ::fork();
    if (pid_ == 0) Run(web, talk);
    (void)UniqueFd(pipe_[0]);
  }

  // True if no client failed. How many were answered depends on the machine.
  bool EndsWell() {
    (void)UniqueFd(pipe_[1]);
    int status = -1;
    return ::waitpid(pid_, &status, 0) == pid_ && status == 0;
  }

 private:
  [[noreturn]] void Run(const std::string& web, const std::string& talk) {
    (void)UniqueFd(pipe_[1]);
    Load http(LoadKind::kHttp, web, 4);
    Load echo(LoadKind::kEcho, talk, 4);
    char byte = 0;
    while (::read(pipe_[0], &byte, 1) < 0 && errno == EINTR) {
    }
    const LoadResult of_http = http.Stop();
    const LoadResult of_echo = echo.Stop();
    fmt::print(stderr, "clients of http: {}; of echo: {}\n", of_http.Text(), of_echo.Text());
    const bool well = of_http.Failed() + of_echo.Failed() == 0 && of_http.ok > 0 && of_echo.ok > 0;
    ::_exit(well ? 0 : 1);
  }

  std::array<int, 2> pipe_{};
  pid_t pid_ = 0;
};

}  // namespace

TEST_CASE("sockets are found by name, in any order, and stay open and unchanged when the server ends") {
  const TempDirectory folder;
  const ManagersSocket web = Bind("127.0.0.1:0");
  const std::string path = folder.Path("talk.sock");
  const ManagersSocket talk = Bind("unix:" + path);
  REQUIRE(::chmod(path.c_str(), 0612) == 0);
  {
    DaemonProcess daemon;
    daemon.PassSocket("talk", talk.fd.Get());
    daemon.PassSocket("web", web.fd.Get());
    daemon.WriteConfig(TwoServices());
    daemon.Serve(2);
    CHECK(daemon.Address(0) == web.address);
    CHECK(daemon.Address(1) == talk.address);
    CHECK(AnswersHttp(web.address));
    CHECK(AnswersEcho(talk.address));
  }
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0612);
  CHECK(TcpClient::Connect(talk.address).Ok());  // the client waits for the next server
  CHECK(TcpClient::Connect(web.address).Ok());
}

TEST_CASE("one name may stand for several sockets") {
  const ManagersSocket first = Bind("127.0.0.1:0");
  const ManagersSocket second = Bind("[::1]:0");
  DaemonProcess daemon;
  daemon.PassSocket("talk", first.fd.Get());
  daemon.PassSocket("talk", second.fd.Get());
  daemon.Serve(2, {"--service", "echo", "--listen", "systemd:talk", "--workers", "2"});
  CHECK(daemon.Addresses().size() == 2);
  CHECK(AnswersEcho(first.address));
  CHECK(AnswersEcho(second.address));
  REQUIRE(daemon.Reload());
  CHECK(daemon.Addresses().size() == 2);  // the same sockets: no new listener
  CHECK(AnswersEcho(second.address));
}

TEST_CASE("a reload drops a socket, which is logged as unused, and the next reload uses it again") {
  const ManagersSocket web = Bind("127.0.0.1:0");
  const ManagersSocket talk = Bind("127.0.0.1:0");
  DaemonProcess daemon;
  daemon.PassSocket("web", web.fd.Get());
  daemon.PassSocket("talk", talk.fd.Get());
  daemon.WriteConfig(TwoServices());
  daemon.Serve(2);
  daemon.WriteConfig(ConfigText().Workers(2).Listen("talk", "systemd:talk").Service("talk", "echo"));
  REQUIRE(daemon.Reload());
  CHECK(daemon.AwaitEvents("socket_unused name=web", 1) == 1);
  CHECK(AnswersEcho(talk.address));
  daemon.WriteConfig(TwoServices());
  REQUIRE(daemon.Reload());
  CHECK(AnswersHttp(web.address));
  CHECK(AnswersEcho(talk.address));
}

TEST_CASE(
    "a socket that was not passed: the start fails, a reload is refused, and both name the passed ones") {
  const ManagersSocket talk = Bind("127.0.0.1:0");
  DaemonProcess daemon;
  daemon.PassSocket("talk", talk.fd.Get());
  SUBCASE("at the start") {
    CHECK(daemon.Run({"--service", "echo", "--listen", "systemd:web"}) == 71);
    CHECK(daemon.AwaitEvents("start_failed why~systemd:web why~'talk'", 1) == 1);
  }
  SUBCASE("at a reload") {
    daemon.WriteConfig(ConfigText().Workers(1).Listen("s", "systemd:talk").Service("s", "echo"));
    daemon.Serve(1);
    daemon.WriteConfig(TwoServices());
    CHECK_FALSE(daemon.Reload());
    CHECK(daemon.AwaitEvents("reload_refused why~systemd:web why~'talk'", 1) == 1);
    CHECK(AnswersEcho(talk.address));
  }
}

TEST_CASE("two sockets that would get the same name: a reload that wants both is refused, and says so") {
  const ManagersSocket first = Bind("127.0.0.1:0");
  const ManagersSocket second = Bind("127.0.0.1:0");
  const ManagersSocket third = Bind("127.0.0.1:0");
  DaemonProcess daemon;
  daemon.PassSocket("web", first.fd.Get());
  daemon.PassSocket("web", second.fd.Get());  // "systemd:web#2" in the log
  daemon.PassSocket("web#2", third.fd.Get());
  const auto config = [] { return ConfigText().Workers(1).Listen("s", "systemd:web").Service("s", "echo"); };
  daemon.WriteConfig(config());
  daemon.Serve(1);
  daemon.WriteConfig(config().Listen("s", "systemd:web#2"));
  CHECK_FALSE(daemon.Reload());
  CHECK(daemon.AwaitEvents("reload_refused why~systemd:web#2", 1) == 1);
  CHECK(AnswersEcho(second.address));
}

TEST_CASE("sockets that are meant for another process are not used") {
  const ManagersSocket talk = Bind("127.0.0.1:0");
  DaemonProcess daemon;
  daemon.PassSocket("talk", talk.fd.Get());
  daemon.SetEnvironment("LISTEN_PID", "1");
  CHECK(daemon.Run({"--service", "echo", "--listen", "systemd:talk"}) == 71);
  CHECK(daemon.AwaitEvents("start_failed why~systemd:talk", 1) == 1);
}

TEST_CASE("a descriptor that is no listening stream socket is refused") {
  const UniqueFd datagram(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const UniqueFd not_listening(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const UniqueFd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  for (const int fd : {datagram.Get(), not_listening.Get(), file.Get()}) {
    DaemonProcess daemon;
    daemon.PassSocket("web", fd);
    CHECK(daemon.Run({"--service", "echo", "--listen", "systemd:web"}) == 71);
    CHECK(daemon.AwaitEvents("start_failed why~systemd:web", 1) == 1);
  }
}

TEST_CASE("--check needs no socket: a unit's ExecStartPre= has none") {
  DaemonProcess daemon;
  daemon.WriteConfig(TwoServices());
  CHECK(daemon.Run({"--check"}) == 0);
  CHECK(daemon.Output() == "configuration ok\n");
}

TEST_CASE("the server is stopped and started again and again: every client is served") {
  const ManagersSocket web = Bind("127.0.0.1:0");
  const ManagersSocket talk = Bind("127.0.0.1:0");
  std::vector<std::unique_ptr<DaemonProcess>> servers;  // checked when the clients have ended
  LoadProcess clients(web.address, talk.address);
  for (int i = 0; i < 6; ++i) {
    if (i > 0) {
      servers.back()->Signal(i % 2 == 0 ? SIGTERM : SIGQUIT);
      CHECK(servers.back()->Wait() == 0);
    }
    servers.push_back(std::make_unique<DaemonProcess>());
    DaemonProcess& daemon = *servers.back();
    daemon.PassSocket("web", web.fd.Get());
    daemon.PassSocket("talk", talk.fd.Get());
    daemon.WriteConfig(TwoServices());
    daemon.Serve(2);
    daemon.IgnoreDescriptors();  // they come and go under load
    // Each server has accepted many clients before it is stopped.
    for (int client = 0; client < 50; ++client) {
      CHECK(AnswersHttp(web.address));
      CHECK(AnswersEcho(talk.address));
    }
  }
  CHECK(clients.EndsWell());
}

TEST_CASE("systemd-socket-activate starts it at the first client, with two sockets by name") {
  if (::access(kSocketActivate, X_OK) != 0) {
    MESSAGE("skipped: the package systemd is not installed");
    return;
  }
  const TempDirectory folder;
  const std::string web = folder.Path("web.sock");
  const std::string talk = folder.Path("talk.sock");
  {
    DaemonProcess daemon;
    daemon.LaunchBy({kSocketActivate, "--listen=" + talk, "--listen=" + web, "--fdname=talk:web"});
    daemon.WriteConfig(TwoServices());
    daemon.Start();
    REQUIRE(WaitUntil(kTimeout, [&] { return TcpClient::Connect("unix:" + web).Ok(); }));
    REQUIRE(daemon.WaitForEvent("serving generation=1 workers=2"));
    CHECK(AnswersHttp("unix:" + web));
    CHECK(AnswersEcho("unix:" + talk));
  }
  CHECK(folder.Names() == std::vector<std::string>{"talk.sock", "web.sock"});
}

}  // namespace preforkd::testing
