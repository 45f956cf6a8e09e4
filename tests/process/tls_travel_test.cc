// TLS sessions travel: idle clients keep theirs over reload, a kill of workers and gates, and upgrades.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/daemon_process.h"
#include "tests/support/pool_kill.h"
#include "tests/support/program_shelf.h"
#include "tests/support/server_status.h"
#include "tests/support/tls_client.h"

namespace preforkd::testing {
namespace {

ConfigText Config(const ConfigSettings& web) {
  return ConfigText()
      .Workers(2)
      .Set("parking.after", "50ms")
      .Listen("web", "127.0.0.1:0", {{"tls", true}})
      .Listen("lines", "127.0.0.2:0", {{"tls", true}})
      .Listen("ops", "127.0.0.3:0")
      .Service("web", "http", web)
      .Service("lines", "echo")
      .Service("ops", "status")
      .Pool("gates", {{"kind", "tls"}, {"workers", 2}, {"workers_max", 2}});
}

// The certificate section is an array of tables, which ConfigText does not write.
std::string WithCertificate(const ConfigText& config, const DaemonProcess& daemon) {
  return fmt::format("{}\n[[tls.certificate]]\nchain = \"{}\"\nkey = \"{}\"\n", config.Text(),
                     daemon.Path("site.crt"), daemon.Path("site.key"));
}

struct Server {
  explicit Server(std::string binary = kPreforkd, const ConfigSettings& web = {})
      : daemon(std::move(binary)) {
    MakeTestCertificate(daemon.Path(""), "site", "localhost");
    daemon.WriteConfig(WithCertificate(Config(web), daemon));
    daemon.Serve(4);
  }
  [[nodiscard]] std::string Web() const { return daemon.Address(0); }
  [[nodiscard]] std::string Lines() const { return daemon.Address(1); }
  [[nodiscard]] std::string Status() const { return daemon.Address(2); }

  // Kills every process of a pool, and waits until it is there again.
  void Kill(const std::string& pool) { KillPool(daemon, pool, 2, 4); }

  DaemonProcess daemon;
};

std::vector<TlsClient> Connect(const std::string& address, int count) {
  std::vector<TlsClient> clients;
  for (int i = 0; i < count; ++i) clients.emplace_back(address);
  return clients;
}

}  // namespace

TEST_CASE("a session under TLS serves HTTP and lines, in both versions") {
  Server server;
  for (const int version : {0x0304, 0x0303}) {
    TlsClient client(server.Web(), {.max_version = version});
    CHECK(client.Version() == (version == 0x0304 ? "TLSv1.3" : "TLSv1.2"));
    for (int i = 0; i < 3; ++i) {
      const auto response = client.Get("/");
      REQUIRE(response);
      CHECK(response->status == 200);
    }
    TlsClient lines(server.Lines(), {.max_version = version});
    for (int i = 0; i < 100; ++i) REQUIRE(lines.Echoes(fmt::format("line {}\n", i)));
  }
  CHECK(server.daemon.AwaitAllParked());
}

TEST_CASE("200 idle clients keep their sessions over a reload, and a kill of all workers and all gates") {
  Server server;
  std::vector<TlsClient> clients = Connect(server.Web(), 200);
  CHECK(Answered(clients) == 200);
  REQUIRE(server.daemon.AwaitAllParked());
  REQUIRE(server.daemon.Reload());
  CHECK(Answered(clients) == 200);
  REQUIRE(server.daemon.AwaitAllParked());
  server.Kill("main");
  CHECK(Answered(clients) == 200);
  server.Kill("gates");
  CHECK(Answered(clients) == 200);
  CHECK(AskStatus(server.Status()).lost == 0);
}

TEST_CASE("200 idle clients keep their sessions over three upgrades in place") {
  ProgramShelf shelf(kPreforkd);
  Server server(shelf.Path());
  std::vector<TlsClient> clients = Connect(server.Web(), 200);
  CHECK(Answered(clients) == 200);
  for (const char* program : {kPreforkdNext, kPreforkd, kPreforkdNext}) {
    REQUIRE(server.daemon.AwaitAllParked());
    shelf.Put(program);
    const CommandResult result = Ctl(server.daemon, {"upgrade", "--wait"});
    CAPTURE(result.err);
    REQUIRE(result.code == 0);
    CHECK(Answered(clients) == 200);
  }
  CHECK(AskStatus(server.Status()).lost == 0);
}

TEST_CASE("lines under TLS that never pause arrive once and in order through reloads") {
  Server server;
  TlsClient client(server.Lines());
  for (int reload = 0; reload < 5; ++reload) {
    for (int i = 0; i < 20; ++i) REQUIRE(client.Echoes(fmt::format("line {} of {}\n", i, reload)));
    REQUIRE(client.UpdateKeys());
    REQUIRE(server.daemon.Reload());
  }
  REQUIRE(client.Echoes("the last\n"));
}

TEST_CASE("a parked session whose idle time is over ends in order") {
  Server server(kPreforkd, {{"keepalive_timeout", "600ms"}});
  std::vector<TlsClient> clients = Connect(server.Web(), 20);
  clients.emplace_back(server.Web(), TlsOptions{.max_version = 0x0303});
  CHECK(Answered(clients) == 21);
  for (TlsClient& client : clients) CHECK(client.IsClosedInOrder());
  const ServerStatus status = AskStatus(server.Status());
  CHECK(status.lost == 0);
  CHECK(status.handed_back >= 42);  // each once by a gate, and once to be parked
}

TEST_CASE("a ticket is good after a reload, in another gate, and after an upgrade") {
  ProgramShelf shelf(kPreforkd);
  Server server(shelf.Path());
  const auto resumes = [&](const std::shared_ptr<ssl_session_st>& session, int version) {
    TlsClient client(server.Web(), {.max_version = version, .session = session.get()});
    const auto response = client.Get("/");
    return response && response->status == 200 && client.Resumed();
  };
  for (const int version : {0x0304, 0x0303}) {
    CAPTURE(version);
    TlsClient first(server.Web(), {.max_version = version});
    REQUIRE(first.Get("/"));
    const std::shared_ptr<ssl_session_st> session = first.Session();
    CHECK(resumes(session, version));
    REQUIRE(server.daemon.Reload());
    CHECK(resumes(session, version));
    server.Kill("gates");
    CHECK(resumes(session, version));
  }
  TlsClient first(server.Web());
  REQUIRE(first.Get("/"));
  shelf.Put(kPreforkdNext);
  REQUIRE(Ctl(server.daemon, {"upgrade", "--wait"}).code == 0);
  CHECK(resumes(first.Session(), 0));
}

TEST_CASE("while an upgrade runs, new clients make their handshakes as before") {
  ProgramShelf shelf(kPreforkd);
  Server server(shelf.Path());
  std::atomic<bool> over{false};
  std::atomic<int> served{0};
  std::atomic<int> failed{0};
  std::thread newcomers([&] {
    while (!over) {
      try {
        ++(TlsClient(server.Web()).Get("/") ? served : failed);
      } catch (const std::runtime_error&) {
        ++failed;
      }
    }
  });
  for (const char* program : {kPreforkdNext, kPreforkd}) {
    shelf.Put(program);
    CHECK(Ctl(server.daemon, {"upgrade", "--wait"}).code == 0);
  }
  over = true;
  newcomers.join();
  CHECK(failed == 0);
  CHECK(served > 10);
}

}  // namespace preforkd::testing
