// The room in the real server: an independent client, sessions that live through a reload, killed workers and
// an upgrade of the program, and a client that reads nothing.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <csignal>
#include <string>

#include "tests/module/websocket/frames.h"
#include "tests/support/command.h"
#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"
#include "tests/support/program_shelf.h"
#include "tests/support/tcp_client.h"
#include "tests/support/wait_until.h"

namespace preforkd::testing {
namespace {

std::string Path(const std::string& name) { return RunfilePath("tests/module/websocket/" + name); }

ConfigText Config(int workers, const std::string& park_after) {
  return ConfigText()
      .Workers(workers)
      .Set("parking.after", park_after)
      .Listen("room")
      .Service("room", "module", {{"path", Path("room.so")}});
}

// A guest whose frames are written byte by byte.
class Guest {
 public:
  // `behind`: what follows its handshake in the same packet.
  Guest(const std::string& address, const std::string& name, const std::string& behind = {})
      : connection_(address) {
    REQUIRE(connection_.SendAll(
        fmt::format("GET /room?name={} HTTP/1.1\r\nHost: x\r\n{}\r\n{}", name, HandshakeFields(), behind)));
    const auto head = connection_.ReadUntil("\r\n\r\n");
    REQUIRE(head);
    CHECK(head->starts_with("HTTP/1.1 101 "));
    CHECK(head->find(fmt::format("\r\nsec-websocket-accept: {}\r\n", kAcceptOfTheExample)) !=
          std::string::npos);
  }

  [[nodiscard]] bool Say(const std::string& text) { return connection_.SendAll(ClientFrame(kText, text)); }
  [[nodiscard]] bool Hears(const std::string& text) {
    const std::string frame = ServerFrame(kText, text);
    return connection_.ReadExactly(frame.size()) == frame;
  }
  [[nodiscard]] TcpClient& Connection() { return connection_; }

 private:
  TcpClient connection_;
};

}  // namespace

TEST_CASE("python3-websockets talks, is reloaded in the middle, and is closed as the RFC says") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config(1, "50ms"));
  daemon.Serve(1);
  const CommandResult result = RunCommand({"/usr/bin/python3", Path("room_client.py"), daemon.Address(),
                                           std::to_string(daemon.MasterPid()), daemon.Path("stderr")},
                                          std::chrono::seconds(120));
  CAPTURE(result.err);
  CHECK(result.code == 0);
  CHECK(daemon.AwaitWorkers(1));
}

TEST_CASE("an idle session keeps its state over a reload, kill -9 of all workers, and an upgrade") {
  ProgramShelf shelf(kPreforkd);
  DaemonProcess daemon(shelf.Path());
  daemon.WriteConfig(Config(2, "50ms"));
  daemon.Serve(2);
  Guest ada(daemon.Address(), "Ada", ClientFrame(kText, "one"));
  CHECK(ada.Hears("Ada #1: one"));
  REQUIRE(daemon.AwaitAllParked());

  REQUIRE(daemon.Reload());
  REQUIRE(ada.Say("two"));
  CHECK(ada.Hears("Ada #2: two"));
  // Half a frame is parked with it.
  const std::string frame = ClientFrame(kText, "three");
  REQUIRE(ada.Connection().SendAll(frame.substr(0, 5)));
  REQUIRE(daemon.AwaitAllParked());

  daemon.ExpectEvent("worker_exited exit=SIGKILL");
  for (const WorkerLife& worker : daemon.ReadyWorkers()) REQUIRE(::kill(worker.pid, SIGKILL) == 0);
  CHECK(daemon.WaitForEvent("worker_exited exit=SIGKILL lost=0", 2));
  REQUIRE(daemon.AwaitWorkers(2));
  REQUIRE(ada.Connection().SendAll(frame.substr(5)));
  CHECK(ada.Hears("Ada #3: three"));
  REQUIRE(daemon.AwaitAllParked());

  shelf.Put(kPreforkd);
  const CommandResult result = Ctl(daemon, {"upgrade", "--wait"});
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  REQUIRE(ada.Say("four"));
  CHECK(ada.Hears("Ada #4: four"));
  CHECK(daemon.AwaitWorkers(2));
}

TEST_CASE(
    "a session that is in its worker when it retires goes to the next one; a message that is not whole "
    "stays") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config(1, "1h"));
  daemon.Serve(1);
  Guest ada(daemon.Address(), "Ada", ClientFrame(kText, "one"));
  Guest half(daemon.Address(), "Half");
  REQUIRE(half.Connection().SendAll(ClientFrame(kText, "never ", false) + ClientFrame(kPing, "x")));
  const std::string pong = ServerFrame(kPong, "x");
  REQUIRE(half.Connection().ReadExactly(pong.size()) == pong);
  CHECK(ada.Hears("Ada #1: one"));
  REQUIRE(daemon.Reload());
  REQUIRE(ada.Say("two"));
  CHECK(ada.Hears("Ada #2: two"));
  const std::string bye = ServerFrame(kClose, CloseWith(1001));
  CHECK(half.Connection().ReadExactly(bye.size()) == bye);
  REQUIRE(half.Connection().SendAll(ClientFrame(kClose, CloseWith(1001))));
  CHECK(half.Connection().IsClosedByPeer());
  CHECK(daemon.AwaitWorkers(1));
}

TEST_CASE("a guest that reads nothing costs a bounded amount, and then its connection") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config(1, "1h"));
  daemon.Serve(1);
  Guest slow(daemon.Address(), "Slow");
  Guest ada(daemon.Address(), "Ada");
  const std::string line(60000, 'x');
  constexpr int kLines = 400;
  for (int i = 1; i <= kLines; ++i) {
    REQUIRE(ada.Say(line));
    REQUIRE(ada.Hears(fmt::format("Ada #{}: {}", i, line)));
  }
  const auto received = slow.Connection().ReadToEnd();
  REQUIRE(received);
  CHECK(received->size() < kLines * line.size() / 2);
}

}  // namespace preforkd::testing
