// TLS that goes through HAProxy, with the shipped haproxy-tls.cfg: the nodes make the handshakes, and know
// the clients' addresses; an upgrade of every node ends no session.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <deque>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/fleet/balancer.h"
#include "tests/fleet/have_machines.h"
#include "tests/fleet/machines.h"
#include "tests/support/command.h"
#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"
#include "tests/support/tls_client.h"
#include "tests/support/wait_until.h"

namespace preforkd::testing {
namespace {

using Json = nlohmann::json;

// HAProxy connects to the nodes from 192.0.2.1; clients of this machine come from here.
constexpr const char* kClient = "127.0.0.1";
constexpr const char* kTls = "127.0.0.1:443";
constexpr const char* kPlain = "127.0.0.1:80";
constexpr const char* kBody = "what all machines serve\n";

class Fleet {
 public:
  Fleet() {
    WriteFile(folder_.Path("file"), kBody);
    MakeTestCertificate(folder_.Path(), "site", "localhost");
    for (int number = 1; number <= kNodes; ++number) {
      DaemonProcess& node = nodes_.emplace_back();
      node.LaunchBy(Machines::LauncherFor(number));
      node.WriteConfig(ConfigOf(node, Machines::AddressOf(number)));
      node.Serve(4);
      node.IgnoreDescriptors();  // checks come and go while they are counted
    }
    balancer_.emplace(RunfilePath("tools/package/haproxy-tls.cfg"));
    for (int number = 1; number <= kNodes; ++number)
      REQUIRE(balancer_->Sees(fmt::format("node{}", number), "UP"));
  }
  ~Fleet() { balancer_.reset(); }
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  std::deque<DaemonProcess>& Nodes() { return nodes_; }
  // Waits until the nodes together have logged so many answers, and returns the lines of all.
  std::vector<Json> AccessLines(std::size_t count) {
    std::vector<Json> lines;
    REQUIRE(WaitUntil(kTimeout, [&] {
      lines.clear();
      for (const DaemonProcess& node : nodes_) {
        std::ifstream file(node.Path("access.log"));
        for (std::string line; std::getline(file, line);) {
          const Json parsed = Json::parse(line, nullptr, false);
          if (!parsed.is_discarded() && parsed["target"] == "/file") lines.push_back(parsed);
        }
      }
      return lines.size() >= count;
    }));
    return lines;
  }

 private:
  std::string ConfigOf(const DaemonProcess& node, const std::string& address) {
    const ConfigText config =
        ConfigText()
            .Workers(1)
            .Set("log.access", node.Path("access.log"))
            .Set("log.access_format", "json")
            .Listen("site", address + ":8443", {{"tls", true}, {"proxy_protocol", true}})
            .Listen("site", address + ":8080", {{"proxy_protocol", true}})
            .Listen("status", address + ":9100")
            .Service("site", "http", {{"root", folder_.Path()}, {"redirect_to_https", 443}})
            .Service("status", "status", {{"pool", "status"}})
            .Pool("status", {{"workers", 1}, {"workers_max", 1}});
    return fmt::format("{}\n[[tls.certificate]]\nchain = \"{}\"\nkey = \"{}\"\n", config.Text(),
                       folder_.Path("site.crt"), folder_.Path("site.key"));
  }

  TempDirectory folder_;
  std::deque<DaemonProcess> nodes_;
  std::optional<Balancer> balancer_;
};

}  // namespace

TEST_CASE("TLS goes through to the nodes, and the access log has the client's address") {
  if (!HaveMachines()) return;
  Fleet fleet;
  for (int i = 0; i < kNodes; ++i) {
    TlsClient client(kTls);
    const auto page = client.Get("/file");
    REQUIRE(page);
    CHECK(page->body == kBody);
  }
  HttpClient plain(kPlain);
  auto sent = plain.Get("/file");
  REQUIRE(sent);
  CHECK(sent->status == 301);
  CHECK(sent->headers["location"].ends_with("/file"));
  CHECK(sent->headers["location"].starts_with("https://"));
  std::size_t secure = 0;
  for (const Json& line : fleet.AccessLines(kNodes + 1)) {
    CHECK(line["peer"] == kClient);
    if (!line.contains("tls_version")) continue;
    ++secure;
    CHECK(line["tls_version"] == "TLSv1.3");
    CHECK(line["server_name"] == "localhost");
  }
  CHECK(secure == kNodes);
}

TEST_CASE("clients keep their sessions behind HAProxy while every node is reloaded and upgraded") {
  if (!HaveMachines()) return;
  Fleet fleet;
  std::vector<TlsClient> clients;
  for (int i = 0; i < 4 * kNodes; ++i) clients.emplace_back(kTls);
  const auto all_are_answered = [&clients] {
    for (TlsClient& client : clients) {
      const auto page = client.Get("/file");
      CHECK((page && page->body == kBody));
    }
  };
  all_are_answered();
  for (DaemonProcess& node : fleet.Nodes()) {
    for (const char* command : {"reload", "upgrade"}) {
      const CommandResult result = Ctl(node, {command, "--wait"});
      CAPTURE(result.err);
      CHECK(result.code == 0);
    }
  }
  all_are_answered();
}

}  // namespace preforkd::testing
