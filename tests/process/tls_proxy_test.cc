// TLS behind a proxy that passes connections on: its PROXY header comes before the handshake, and the
// client's address is the one in it.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/tls_client.h"

namespace preforkd::testing {
namespace {

using Json = nlohmann::json;

const std::string kHeader = "PROXY TCP4 192.0.2.7 127.0.0.1 4711 443\r\n";
const std::string kHeader2 =
    std::string("\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0C", 16) +
    std::string("\xC0\x00\x02\x08\x7F\x00\x00\x01\x12\x67\x01\xBB", 12);  // 192.0.2.8:4711
const std::string kLocal = std::string("\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00", 16);

struct Server {
  Server() {
    MakeTestCertificate(keys.Path(""), "site", "localhost");
    const ConfigText config = ConfigText()
                                  .Workers(1)
                                  .Set("parking.after", "10ms")
                                  .Set("log.access", daemon.Path("access.log"))
                                  .Set("log.access_format", "json")
                                  .Listen("web", "127.0.0.1:0", {{"tls", true}, {"proxy_protocol", true}})
                                  .Service("web", "http")
                                  .Pool("gates", {{"kind", "tls"}, {"workers", 1}, {"workers_max", 1}});
    daemon.WriteConfig(fmt::format("{}\n[[tls.certificate]]\nchain = \"{}\"\nkey = \"{}\"\n", config.Text(),
                                   keys.Path("site.crt"), keys.Path("site.key")));
    daemon.Serve(2);
  }

  // That of the answer with this number.
  Json AccessLine(std::size_t number) {
    std::vector<std::string> lines;
    REQUIRE(WaitUntil(kTimeout, [&] {
      lines = Lines(ReadFile(daemon.Path("access.log")));
      return lines.size() > number;
    }));
    return Json::parse(lines.at(number));
  }

  TempDirectory keys;
  DaemonProcess daemon;
};

}  // namespace

TEST_CASE("headers of both versions before the handshake; the access log has the client's address") {
  Server server;
  const std::pair<std::string, std::string> cases[] = {
      {kHeader, "192.0.2.7"}, {kHeader2, "192.0.2.8"}, {kLocal, "127.0.0.1"}};
  std::size_t answers = 0;
  for (const auto& [header, address] : cases) {
    for (const int version : {0x0303, 0x0304}) {
      CAPTURE(address);
      TlsClient client(server.daemon.Address(), {.max_version = version, .preface = header});
      for (int i = 0; i < 2; ++i) {  // the second one after the connection was parked
        const auto page = client.Get("/");
        REQUIRE(page);
        CHECK(page->status == 200);
        const Json line = server.AccessLine(answers++);
        CHECK(line["peer"] == address);
        CHECK(line["tls_version"] == (version == 0x0303 ? "TLSv1.2" : "TLSv1.3"));
        REQUIRE(server.daemon.AwaitAllParked());
      }
    }
  }
}

TEST_CASE("a header byte by byte, and one that is missing") {
  Server server;
  {
    TcpClient plain(server.daemon.Address());
    for (const char byte : kHeader) REQUIRE(plain.SendAll({&byte, 1}));
    REQUIRE(plain.SendAll("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    const std::string answer = plain.ReadToEnd().value_or("");
    CHECK(answer.starts_with("HTTP/1.1 400 "));  // behind the header comes a request that is not TLS
    CHECK(answer.find("https://") != std::string::npos);
  }
  CHECK_THROWS(TlsClient(server.daemon.Address()));  // its hello is no header
  CHECK(server.daemon.AwaitEvents("proxy_header level=warning peer~127.0.0.1:", 1) >= 1);
  TlsClient client(server.daemon.Address(), {.preface = kHeader});
  CHECK(client.Get("/"));
}

}  // namespace preforkd::testing
