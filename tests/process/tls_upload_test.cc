// Large requests of TLS clients find all threads busy: they wait in the master, and travel with their bytes
// in a file beside the session.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <string>
#include <vector>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/metrics_page.h"
#include "tests/support/tls_client.h"
#include "tests/support/wait_until.h"

namespace preforkd::testing {
namespace {

constexpr std::size_t kBodyBytes = 300'000;  // above what a message holds (kMaxParcelBytes)

void Serve(DaemonProcess& daemon) {
  MakeTestCertificate(daemon.Path(""), "site", "localhost");
  const ConfigText config = ConfigText()
                                .Workers(2)
                                .Set("workers_max", 2)
                                .Listen("m", "127.0.0.1:0", {{"tls", true}})
                                .Listen("ops", "127.0.0.2:0")
                                .Service("m", "module", {{"path", RunfilePath("tests/module/blocker.so")}})
                                .Service("ops", "status", {{"pool", "ops"}})
                                .Pool("ops", {{"workers", 1}, {"workers_max", 1}})
                                .Pool("gates", {{"kind", "tls"}, {"workers", 1}, {"workers_max", 1}});
  daemon.WriteConfig(fmt::format("{}\n[[tls.certificate]]\nchain = \"{}\"\nkey = \"{}\"\n", config.Text(),
                                 daemon.Path("site.crt"), daemon.Path("site.key")));
  daemon.Serve(4);
}

double HandedBackBusy(const DaemonProcess& daemon) {
  const auto page = MetricsPage::Read(daemon.Address(1));
  REQUIRE(page);
  return page->Value("preforkd_handovers_total{direction=\"to_master\",reason=\"busy\"}");
}

std::string BodyOf(std::size_t client) {
  std::string body;
  while (body.size() < kBodyBytes) body += fmt::format("{} of {}, ", body.size(), client);
  return body;
}

// Two take the threads, six bring a body.
void OneRound(const std::string& address) {
  std::vector<TlsClient> sleepers;
  std::vector<TlsClient> clients;
  for (int i = 0; i < 6; ++i) clients.emplace_back(address);
  for (int i = 0; i < 2; ++i) {
    sleepers.emplace_back(address);
    REQUIRE(sleepers.back().Send("GET /sleep?ms=300 HTTP/1.1\r\nHost: x\r\n\r\n"));
  }
  for (std::size_t i = 0; i < clients.size(); ++i) {
    const std::string body = BodyOf(i);
    REQUIRE(clients[i].Send(
        fmt::format("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{}", body.size(), body)));
  }
  for (std::size_t i = 0; i < clients.size(); ++i) {
    CAPTURE(i);
    CHECK(clients[i].ReadUntil("\r\n").value_or("") == "HTTP/1.1 200 OK\r\n");
    REQUIRE(clients[i].ReadUntil("\r\n\r\n"));
    REQUIRE(clients[i].ReadUntil(" "));  // the process
    CHECK(clients[i].ReadUntil("done\n").value_or("") == BodyOf(i) + " done\n");
    CHECK(clients[i].Get("/quick").value_or(HttpResponse{}).status == 200);  // its session goes on
  }
  for (TlsClient& client : sleepers) CHECK(client.ReadUntil("done\n").value_or("").ends_with("done\n"));
}

}  // namespace

TEST_CASE("a large request under TLS waits for a thread in the master, and its session goes on elsewhere") {
  DaemonProcess daemon;
  Serve(daemon);
  // On a slow machine the threads may be free again before the bodies have come: then once more.
  CHECK(WaitUntil(kTimeout, [&] {
    OneRound(daemon.Address(0));
    return HandedBackBusy(daemon) > 0;
  }));
}

}  // namespace preforkd::testing
