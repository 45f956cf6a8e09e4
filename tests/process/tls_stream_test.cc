// A busy session under TLS while the server is reloaded again and again: every line comes back once and in
// order.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <csignal>
#include <string>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/pace.h"
#include "tests/support/server_status.h"
#include "tests/support/tls_client.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kReloads = 50;

struct Server {
  Server() {
    const std::string folder = keys.Path("");
    MakeTestCertificate(folder, "site", "localhost");
    const ConfigText config = ConfigText()
                                  .Workers(2)
                                  .Listen("lines", "127.0.0.1:0", {{"tls", true}})
                                  .Listen("ops", "127.0.0.2:0")
                                  .Service("lines", "echo")
                                  .Service("ops", "status")
                                  .Pool("gates", {{"kind", "tls"}, {"workers", 2}, {"workers_max", 2}});
    daemon.WriteConfig(fmt::format("{}\n[[tls.certificate]]\nchain = \"{}\"\nkey = \"{}\"\n", config.Text(),
                                   keys.Path("site.crt"), keys.Path("site.key")));
    daemon.Serve(4);
  }

  TempDirectory keys;
  DaemonProcess daemon;
};

// A line every 5 ms until the server has reloaded so often. What was sent and what came back.
struct Stream {
  std::string sent{};
  std::string received{};
  std::size_t lines = 0;
};
Stream TalkThroughReloads(TlsClient& client, const DaemonProcess& daemon, std::size_t reloads) {
  Stream stream;
  std::size_t begun = daemon.CountEvents("reload_done");
  const std::size_t last = begun + reloads;
  const Time deadline = Now() + std::chrono::minutes(3);
  Pace pace(milliseconds(5));
  for (std::size_t done = begun; done < last && Now() < deadline; pace.Wait()) {
    const std::string line = fmt::format("line {}\n", ++stream.lines);
    REQUIRE(client.Send(line));
    stream.sent += line;
    const auto arrived = client.ReadAvailable();
    REQUIRE(arrived);
    stream.received += *arrived;
    if (stream.lines % 4 != 0) continue;
    done = daemon.CountEvents("reload_done");
    if (done < begun || done == last) continue;
    daemon.Signal(SIGHUP);
    ++begun;
  }
  CHECK(daemon.CountEvents("reload_done") == last);
  REQUIRE(client.Send("the end\n"));
  stream.sent += "the end\n";
  stream.received += client.ReadUntil("the end\n").value_or("cut off");
  return stream;
}

}  // namespace

TEST_CASE("an echo session under TLS that sends a line every 5 ms across 50 SIGHUPs, in each version") {
  Server server;
  for (const int version : {0x0304, 0x0303}) {
    CAPTURE(version);
    TlsClient client(server.daemon.Address(0), {.max_version = version});
    const std::uint64_t before = AskStatus(server.daemon.Address(1)).handed_back;
    const Time start = Now();
    const Stream stream = TalkThroughReloads(client, server.daemon, kReloads);
    MESSAGE(fmt::format("{} lines in {:.1f} s", stream.lines, Seconds(Now() - start)));
    CHECK((stream.received == stream.sent));
    // Each reload has taken the session from one process to another.
    CHECK(AskStatus(server.daemon.Address(1)).handed_back >= before + kReloads);
  }
  const ServerStatus status = AskStatus(server.daemon.Address(1));
  CHECK(status.accepted_at_first == 2);
  CHECK(status.lost == 0);
}

}  // namespace preforkd::testing
