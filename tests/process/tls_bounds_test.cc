// Bounds by client address for TLS: handshakes a second, straight and behind a proxy; connections at once are
// counted through the gate, the worker and the parking.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <string>
#include <vector>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/tls_client.h"

namespace preforkd::testing {
namespace {

struct Server {
  explicit Server(const std::string& limit, int value) {
    MakeTestCertificate(keys.Path(""), "site", "localhost");
    const ConfigText config = ConfigText()
                                  .Workers(1)
                                  .Set("parking.after", "10ms")
                                  .Set(limit, value)
                                  .Listen("web", "127.0.0.1:0", {{"tls", true}})
                                  .Listen("web", "127.0.0.2:0", {{"tls", true}, {"proxy_protocol", true}})
                                  .Service("web", "http")
                                  .Pool("gates", {{"kind", "tls"}, {"workers", 1}, {"workers_max", 1}});
    daemon.WriteConfig(fmt::format("{}\n[[tls.certificate]]\nchain = \"{}\"\nkey = \"{}\"\n", config.Text(),
                                   keys.Path("site.crt"), keys.Path("site.key")));
    daemon.Serve(2);
  }

  // Made the handshake and got a page.
  bool Served(const TlsOptions& options = {}) {
    try {
      return TlsClient(daemon.Address(options.preface.empty() ? 0 : 1), options).Get("/").has_value();
    } catch (const std::runtime_error&) {
      return false;
    }
  }

  TempDirectory keys;
  DaemonProcess daemon;
};

std::string Header(int client) { return fmt::format("PROXY TCP4 192.0.2.{} 127.0.0.1 4711 443\r\n", client); }

}  // namespace

TEST_CASE(
    "handshakes a second: who makes too many is reset before the handshake, straight and behind a proxy") {
  Server server("limits.handshake_rate", 1);
  int refused = 0;
  for (int i = 0; i < 10; ++i) refused += server.Served() ? 0 : 1;
  CHECK(refused > 0);
  CHECK(server.daemon.WaitForEvent("client_bounded client=127.0.0.1 bound=handshake_rate"));
  CHECK(WaitUntil(kTimeout, [&] { return server.Served(); }));
  int refused_behind = 0;
  for (int i = 0; i < 10; ++i) refused_behind += server.Served({.preface = Header(7)}) ? 0 : 1;
  CHECK(refused_behind > 0);
  CHECK(server.Served({.preface = Header(8)}));
}

TEST_CASE("connections at once over TLS, in the gate, in workers and parked") {
  constexpr int kMost = 5;
  Server server("limits.connections", kMost);
  const auto served = [&](const std::string& preface) {
    std::vector<TlsClient> clients;
    try {
      for (int i = 0; i < kMost + 3; ++i) {
        clients.emplace_back(server.daemon.Address(preface.empty() ? 0 : 1), TlsOptions{.preface = preface});
        if (!clients.back().Get("/")) break;
      }
    } catch (const std::runtime_error&) {
      // The bound is met.
    }
    REQUIRE(server.daemon.AwaitAllParked());
    return static_cast<int>(clients.size());
  };
  for (const std::string& preface : {std::string(), Header(7)}) {
    CAPTURE(preface);
    CHECK(served(preface) == kMost);
    // They have left: none stays counted.
    CHECK(WaitUntil(kTimeout, [&] { return served(preface) == kMost; }));
  }
}

}  // namespace preforkd::testing
