// A module is replaced by its next version, and the server by its own, under load: nobody is cut off.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <csignal>
#include <string>
#include <vector>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"
#include "tests/support/keep_alive_clients.h"
#include "tests/support/metrics_scraper.h"
#include "tests/support/program_shelf.h"
#include "tests/support/tcp_client.h"
#include "tests/support/web_load.h"

namespace preforkd::testing {
namespace {

std::string ModulePath(const std::string& name) { return RunfilePath("tests/module/" + name + ".so"); }

// One file under one name, replaced by rename as an operator does it.
class ModuleFile {
 public:
  ModuleFile() { Put("blocker"); }
  void Put(const std::string& name) { WriteFile(Path(), ReadFile(ModulePath(name))); }
  [[nodiscard]] std::string Path() const { return folder_.Path("served.so"); }

 private:
  TempDirectory folder_;
};

ConfigText Config(const ModuleFile& file, const std::string& park_after = "250ms") {
  return ConfigText()
      .Workers(2)
      .Set("parking.after", park_after)
      .Listen("m")
      .Listen("ops", "127.0.0.2:0")
      .Listen("chat", "127.0.0.3:0")
      .Service("m", "module", {{"path", file.Path()}})
      .Service("chat", "module", {{"path", ModulePath("chat")}})
      .Service("ops", "status");
}

// Kept connections that ask one after the other. The number of answers that are `version`.
std::size_t CountVersion(std::vector<HttpClient>& clients, const std::string& version) {
  std::size_t right = 0;
  for (HttpClient& client : clients) {
    const auto response = client.Get("/version");
    right += response && response->body == version + " done\n" ? 1U : 0U;
  }
  return right;
}

std::vector<HttpClient> Connect(const std::string& address, int count) {
  std::vector<HttpClient> clients;
  for (int i = 0; i < count; ++i) clients.emplace_back(address);
  return clients;
}

// A client of the chat, whose session has a name.
class Ada {
 public:
  explicit Ada(const std::string& address) : client_(address) {
    REQUIRE(client_.ReadUntil("\n") == "welcome\n");
    REQUIRE(client_.SendAll("name Ada\n"));
    REQUIRE(client_.ReadUntil("\n") == "you are Ada\n");
  }
  bool Speaks() { return client_.SendAll("say hello\n") && client_.ReadUntil("\n") == "Ada: hello\n"; }

 private:
  TcpClient client_;
};

void ExpectNoneFailed(WebLoad& load) {
  const WebLoadResult result = load.Stop();
  MESSAGE(result.Text());
  CHECK(result.failed.empty());
  CHECK(result.answered.size() > 50);
}

}  // namespace

TEST_CASE(
    "v1 is replaced by v2 under load: no request fails, and after the answer of the reload all say v2") {
  for (const std::string park_after : {"250ms", "0"}) {
    CAPTURE(park_after);
    ModuleFile file;
    DaemonProcess daemon;
    daemon.WriteConfig(Config(file, park_after));
    daemon.Serve(2);
    std::vector<HttpClient> kept = Connect(daemon.Address(), 100);
    CHECK(CountVersion(kept, "v1") == kept.size());
    Ada ada(daemon.Address(2));
    MetricsScraper scraper(daemon.Address(1));
    WebLoad load({.address = daemon.Address(), .target = "/sleep?ms=1", .body = "done\n", .per_second = 200});
    for (const std::string version : {"v2", "v1", "v2"}) {
      CAPTURE(version);
      file.Put(version == "v2" ? "blocker_v2" : "blocker");
      const CommandResult reload = Ctl(daemon, {"reload", "--wait"});
      CHECK(CountVersion(kept, version) == kept.size());
      CHECK(reload.code == 0);
      CHECK(ada.Speaks());
      REQUIRE(daemon.AwaitWorkers(2));
    }
    ExpectNoneFailed(load);
    scraper.Stop();
    CHECK(scraper.WentBack() == std::vector<std::string>{});
  }
}

TEST_CASE("an upgrade in place with modules in use cuts nobody, and no counter of a module goes back") {
  ModuleFile file;
  ProgramShelf shelf(kPreforkd);
  DaemonProcess daemon(shelf.Path());
  daemon.ExpectEvent("worker_exited exit=SIGKILL");
  daemon.WriteConfig(Config(file));
  daemon.Serve(2);
  std::vector<HttpClient> kept = Connect(daemon.Address(), 50);
  CHECK(CountVersion(kept, "v1") == kept.size());
  Ada ada(daemon.Address(2));
  MetricsScraper scraper(daemon.Address(1));
  {
    WebLoad load({.address = daemon.Address(), .target = "/sleep?ms=1", .body = "done\n", .per_second = 200});
    for (std::size_t round = 1; round <= 3; ++round) {
      if (round == 2) file.Put("blocker_v2");
      daemon.Signal(SIGUSR2);
      REQUIRE(daemon.WaitForEvent("upgrade_done", round));
      CHECK(CountVersion(kept, round == 1 ? "v1" : "v2") == kept.size());
      CHECK(ada.Speaks());
      REQUIRE(daemon.AwaitWorkers(2));
    }
    ExpectNoneFailed(load);
  }
  const auto before = MetricsPage::Read(daemon.Address(1));
  REQUIRE(before);
  // More than the load and the kept clients have asked.
  MESSAGE(fmt::format("{} answers", before->Sum("preforkd_module_answers_total")));
  CHECK(before->Sum("preforkd_module_answers_total") >= 200);
  for (const pid_t pid : daemon.WorkerPids()) REQUIRE(::kill(pid, SIGKILL) == 0);
  REQUIRE(daemon.WaitForEvent("worker_exited exit=SIGKILL", 2));
  REQUIRE(daemon.AwaitWorkers(2));
  CHECK(HttpClient(daemon.Address()).Get("/quick"));
  scraper.Stop();
  CHECK(scraper.Scrapes() > 3);
  CHECK(scraper.WentBack() == std::vector<std::string>{});
  const auto after = MetricsPage::Read(daemon.Address(1));
  REQUIRE(after);
  CHECK(after->Sum("preforkd_module_answers_total") > before->Sum("preforkd_module_answers_total"));
}

}  // namespace preforkd::testing
