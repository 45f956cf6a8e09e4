// Every kind of listener, several at once, and their files before and after.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "common/net/address.h"
#include "tests/support/daemon_process.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

std::vector<std::string> Flags(const std::vector<std::string>& addresses) {
  std::vector<std::string> flags = {"--service", "echo", "--workers", "2"};
  for (const std::string& address : addresses) flags.insert(flags.end(), {"--listen", address});
  return flags;
}

bool HasFile(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0;
}

// A socket file that nobody listens on, as a killed server leaves it.
void LeaveStaleSocket(const std::string& path) {
  const Result<ListenAddress> address = ParseListenAddress("unix:" + path);
  REQUIRE(address.Ok());
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::bind(fd.Get(), address.Value().address.Get(), address.Value().address.length) == 0);
  REQUIRE(::listen(fd.Get(), 1) == 0);
}

}  // namespace

TEST_CASE("IPv4, IPv6, both on one socket, a path and an abstract name, all at once") {
  DaemonProcess daemon;
  const std::string path = daemon.Path("echo.sock");
  // All sandboxes of a machine share abstract names; the name of the folder is unique.
  const std::string abstract = "unix:@" + daemon.Path("abstract");
  daemon.Serve(2, Flags({"127.0.0.1:0", "[::1]:0", ":0", "unix:" + path, abstract}));
  const std::vector<std::string> addresses = daemon.Addresses();
  REQUIRE(addresses.size() == 5);
  for (const std::string& address : addresses) {
    CAPTURE(address);
    CHECK_FALSE(address.ends_with(":0"));
    const bool any = address.starts_with("[::]:");
    const std::string port = address.substr(address.rfind(':') + 1);
    for (const std::string& reached : any ? std::vector<std::string>{"127.0.0.1:" + port, "[::1]:" + port}
                                          : std::vector<std::string>{address}) {
      TcpClient client(reached);
      CHECK(client.Echoes("over " + reached));
    }
  }
}

TEST_CASE("an IPv6 listener does not accept IPv4") {
  DaemonProcess daemon;
  daemon.Serve(2, Flags({"[::]:0"}));
  const std::string port = daemon.Address().substr(daemon.Address().rfind(':') + 1);
  CHECK(TcpClient::Connect("[::1]:" + port).Ok());
  CHECK_FALSE(TcpClient::Connect("127.0.0.1:" + port).Ok());
}

TEST_CASE("a stale socket file is replaced, and the server's own is removed at exit") {
  DaemonProcess daemon;
  const std::string path = daemon.Path("echo.sock");
  LeaveStaleSocket(path);
  daemon.Serve(2, Flags({"unix:" + path}));
  CHECK(daemon.AwaitEvents("stale_socket path=" + path, 1) == 1);
  {
    TcpClient client("unix:" + path);
    CHECK(client.Echoes("alive"));
  }
  CHECK(daemon.Finish().empty());
  CHECK_FALSE(HasFile(path));
}

TEST_CASE("the socket file of a running server is left alone") {
  DaemonProcess first;
  const std::string path = first.Path("echo.sock");
  first.Serve(2, Flags({"unix:" + path}));
  DaemonProcess second;
  CHECK(second.Run(Flags({"unix:" + path})) == 71);
  TcpClient client("unix:" + path);
  CHECK(client.Echoes("still the first"));
}

TEST_CASE("a file that is not a socket is not replaced by one") {
  DaemonProcess daemon;
  const std::string path = daemon.Path("precious.log");
  WriteFile(path, "data");
  CHECK(daemon.Run(Flags({"unix:" + path})) == 71);
  CHECK(ReadFile(path) == "data");
}

TEST_CASE("a listener that cannot be bound: the start fails and leaves no socket file") {
  DaemonProcess first;
  first.Serve(2, Flags({"127.0.0.1:0"}));
  DaemonProcess second;
  CHECK(second.Run(Flags({"unix:" + second.Path("echo.sock"), first.Address()})) == 71);
  CHECK_FALSE(HasFile(second.Path("echo.sock")));
}

}  // namespace preforkd::testing
