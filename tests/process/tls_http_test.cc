// What HTTP, the logs and the metrics show of TLS, with a real server and a real client.
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <sched.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/daemon_process.h"
#include "tests/support/metrics_page.h"
#include "tests/support/temp_directory.h"
#include "tests/support/tls_client.h"

namespace preforkd::testing {
namespace {

using Json = nlohmann::json;

struct Server {
  Server() {
    MakeTestCertificate(keys.Path(""), "site", "localhost");
    const ConfigText config = ConfigText()
                                  .Workers(1)
                                  .Set("log.access", daemon.Path("access.log"))
                                  .Set("log.access_format", "json")
                                  .Set("parking.after", "10ms")
                                  .Listen("web", "127.0.0.1:0", {{"tls", true}})
                                  .Listen("web", "127.0.0.2:0")
                                  .Listen("ops", "127.0.0.3:0")
                                  .Service("web", "http", {{"hsts", "1h"}, {"redirect_to_https", 8443}})
                                  .Service("ops", "status")
                                  .Pool("edge", {{"kind", "tls"}, {"workers", 1}, {"workers_max", 1}});
    daemon.WriteConfig(fmt::format("{}\n[[tls.certificate]]\nchain = \"{}\"\nkey = \"{}\"\n", config.Text(),
                                   keys.Path("site.crt"), keys.Path("site.key")));
    daemon.Serve(2);
  }
  [[nodiscard]] std::string Web() const { return daemon.Address(0); }
  [[nodiscard]] std::string Plain() const { return daemon.Address(1); }
  [[nodiscard]] std::string Status() const { return daemon.Address(2); }

  // Waits for the lines of so many answers.
  std::vector<Json> AccessLines(std::size_t count) {
    std::vector<Json> lines;
    REQUIRE(WaitUntil(kTimeout, [&] {
      lines.clear();
      std::ifstream file(daemon.Path("access.log"));
      for (std::string line; std::getline(file, line);) {
        const Json parsed = Json::parse(line, nullptr, false);
        if (!parsed.is_discarded()) lines.push_back(parsed);
      }
      return lines.size() >= count;
    }));
    return lines;
  }

  TempDirectory keys;
  DaemonProcess daemon;
};

}  // namespace

TEST_CASE("over TLS a page and HSTS; on the plain port the way there; the access log knows which") {
  Server server;
  TlsClient client(server.Web());
  for (int i = 0; i < 2; ++i) {
    auto page = client.Get("/");
    REQUIRE(page);
    CHECK(page->status == 200);
    CHECK(page->headers["strict-transport-security"] == "max-age=3600");
  }
  HttpClient plain(server.Plain());
  auto sent = plain.Get("/a?b");
  REQUIRE(sent);
  CHECK(sent->status == 301);
  CHECK(sent->headers["location"].ends_with(":8443/a?b"));
  CHECK_FALSE(sent->headers.contains("strict-transport-security"));
  const std::vector<Json> lines = server.AccessLines(3);
  for (const Json& line : lines) {
    const bool secure = line["target"] == "/";
    CHECK(line.contains("tls_version") == secure);
    if (!secure) continue;
    CHECK(line["tls_version"] == "TLSv1.3");
    CHECK(line["tls_cipher"] != "");
    CHECK(line["tls_resumed"] == false);
    CHECK(line["server_name"] == "localhost");
    CHECK_FALSE(line.contains("client_subject"));
  }
}

TEST_CASE("the welcome page, which anybody may read, says nothing of the certificates") {
  Server server;
  TlsClient client(server.Web());
  const auto page = client.Get("/status.json");
  REQUIRE(page);
  REQUIRE(page->status == 200);
  const Json shown = Json::parse(page->body);
  CHECK_FALSE(shown.contains("certificates"));
  CHECK(page->body.find("site.crt") == std::string::npos);
  const Json listed = Json::parse(Ctl(server.daemon, {"--json", "certificates"}).out);
  REQUIRE(listed.size() == 1);
  CHECK(listed[0]["names"] == Json{"localhost"});
}

TEST_CASE("handshakes in the metrics, in the status and in preforkctl") {
  Server server;
  {
    TlsClient first(server.Web());
    REQUIRE(first.Get("/"));
    const std::shared_ptr<ssl_session_st> session = first.Session();
    TlsClient second(server.Web(), {.session = session.get()});
    REQUIRE(second.Get("/"));
    REQUIRE(second.Resumed());
    TlsClient old(server.Web(), {.max_version = 0x0303});
    REQUIRE(old.Get("/"));
  }
  TcpClient wrong(server.Web());
  REQUIRE(wrong.SendAll("GET / HTTP/1.1\r\n\r\n"));
  const std::string family = "preforkd_tls_handshakes_total";
  const auto value = [&](const std::string& series) {
    const auto page = MetricsPage::Read(server.Status());
    return page ? page->Value(series) : -1;
  };
  REQUIRE(WaitUntil(kTimeout, [&] { return value(family + "{result=\"not_tls\",version=\"\"}") == 1; }));
  CHECK(value(family + "{result=\"ok\",version=\"TLSv1.3\"}") == 2);
  CHECK(value(family + "{result=\"ok\",version=\"TLSv1.2\"}") == 1);
  CHECK(value("preforkd_tls_resumptions_total") == 1);
  CHECK(value("preforkd_handovers_total{direction=\"to_master\",reason=\"secured\"}") == 3);
  const Json status = Json::parse(Ctl(server.daemon, {"--json", "status"}).out);
  CHECK(status["tls"] == Json{{"handshakes", 3}, {"failed", 1}, {"resumed", 1}});
  const std::string text = Ctl(server.daemon, {"status"}).out;
  CHECK(text.find("tls          handshakes 3  resumed 1  failed 1\n") != std::string::npos);
  CHECK(text.find("edge  tls ") != std::string::npos);
  CHECK(Ctl(server.daemon, {"workers"}).out.find("edge  tls ") != std::string::npos);
}

TEST_CASE("workers preempt gates, which run in batches") {
  Server server;
  const Json workers = Json::parse(Ctl(server.daemon, {"--json", "workers"}).out);
  REQUIRE(workers.size() == 2);
  for (const Json& worker : workers) {
    const int policy = ::sched_getscheduler(worker["pid"].get<pid_t>());
    CHECK(policy == (worker["pool"] == "edge" ? SCHED_BATCH : SCHED_OTHER));
  }
}

TEST_CASE("over TLS too the host is that of the request, whatever the handshake has named") {
  TempDirectory files;
  DaemonProcess daemon;
  MakeTestCertificate(files.Path(""), "site", "a.example");
  std::string hosts;
  for (const std::string name : {"a", "b"}) {
    std::filesystem::create_directories(files.Path(name));
    WriteFile(files.Path(name + "/page"), name);
    hosts +=
        fmt::format("[[service.web.host]]\nname = \"{0}.example\"\nroot = \"{1}\"\n", name, files.Path(name));
  }
  daemon.WriteConfig(
      fmt::format("workers = 1\n[[listen]]\naddress = \"127.0.0.1:0\"\nservice = \"web\"\ntls = true\n"
                  "[[tls.certificate]]\nchain = \"{0}\"\nkey = \"{1}\"\n"
                  "[service.web]\ntype = \"http\"\n{2}",
                  files.Path("site.crt"), files.Path("site.key"), hosts));
  daemon.Serve(3);
  for (const char* server_name : {"a.example", "b.example", "other.example"}) {
    CAPTURE(server_name);
    TlsClient client(daemon.Address(), {.server_name = server_name});
    for (const std::string name : {"b", "a", "b"}) {
      REQUIRE(client.Send("GET /page HTTP/1.1\r\nHost: " + name + ".example\r\n\r\n"));
      const std::optional<std::string> head = client.ReadUntil("\r\n\r\n");
      REQUIRE(head);
      CHECK(head->starts_with("HTTP/1.1 200 "));
      CHECK(client.ReadExactly(1) == name);
    }
  }
}

}  // namespace preforkd::testing
