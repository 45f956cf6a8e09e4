// Counters never go back, whatever happens to the workers that counted.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <csignal>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"
#include "tests/support/load.h"
#include "tests/support/metrics_page.h"
#include "tests/support/metrics_scraper.h"
#include "tests/support/proc_status.h"

namespace preforkd::testing {
namespace {

ConfigText Config() {
  return ConfigText()
      .Workers(2)
      .Listen("web")
      .Listen("status", "127.0.0.2:0")
      .Service("web", "http")
      .Service("status", "status");
}

// Waits until clients and scrapes have done enough work that a counter that goes back would have been seen.
void LetThemWork(const Load& load, const MetricsScraper& scraper) {
  const std::uint64_t requests = load.Ok() + 200;
  const std::uint64_t scrapes = scraper.Scrapes() + 10;
  REQUIRE(WaitUntil(kTimeout, [&] { return load.Ok() >= requests && scraper.Scrapes() >= scrapes; }));
}

void KillAll(DaemonProcess& daemon) {
  const std::size_t before = daemon.CountEvents("worker_exited exit=SIGKILL");
  for (const pid_t pid : daemon.WorkerPids()) REQUIRE(::kill(pid, SIGKILL) == 0);
  REQUIRE(daemon.WaitForEvent("worker_exited exit=SIGKILL", before + 2));
  REQUIRE(daemon.AwaitWorkers(2));
}

}  // namespace

TEST_CASE("no counter goes back across kill -9, HUP, TTIN and TTOU under load, and each event is counted") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config());
  daemon.ExpectEvent("worker_exited exit=SIGKILL");
  daemon.Serve(2);
  const std::string status = daemon.Address(1);
  const auto before = MetricsPage::Read(status);
  REQUIRE(before);

  MetricsScraper scraper(status);
  Load load(LoadKind::kHttp, daemon.Address(0), 4);
  LetThemWork(load, scraper);
  KillAll(daemon);
  LetThemWork(load, scraper);
  for (int i = 0; i < 2; ++i) {
    REQUIRE(daemon.Reload());
    REQUIRE(daemon.AwaitWorkers(2));
    LetThemWork(load, scraper);
  }
  for (const auto& [signo, workers] : {std::pair{SIGTTIN, 3}, {SIGTTOU, 2}, {SIGTTIN, 3}, {SIGTTOU, 2}}) {
    daemon.Signal(signo);
    REQUIRE(daemon.AwaitWorkers(static_cast<std::size_t>(workers)));
    LetThemWork(load, scraper);
  }
  REQUIRE(::kill(daemon.WorkerPids().at(0), SIGTERM) == 0);
  REQUIRE(daemon.WaitForEvent("worker_asks_replacement role=master"));
  const LoadResult result = load.Stop();
  scraper.Stop();
  MESSAGE(scraper.Scrapes(), " scrapes, ", result.Text());
  CHECK(scraper.WentBack() == std::vector<std::string>{});
  REQUIRE(daemon.AwaitWorkers(2));

  const auto page = MetricsPage::Read(status);
  REQUIRE(page);
  CHECK(page->WentBack(*before).empty());
  CHECK(PromtoolComplaint(page->Text()).empty());
  CHECK(page->Value("preforkd_worker_restarts_total{pool=\"main\",reason=\"crash\"}") == 2);
  CHECK(page->Sum("preforkd_worker_restarts_total") == 2);
  CHECK(page->Value("preforkd_worker_recycles_total{reason=\"asked\"}") == 1);
  CHECK(page->Value("preforkd_reloads_total{result=\"serves\"}") == 2);
  CHECK(page->Value("preforkd_generation") == 3);
  CHECK(page->Value("preforkd_workers{pool=\"main\",state=\"ready\"}") == 2);
  CHECK(page->Value("preforkd_workers_wanted{pool=\"main\"}") == 2);
  // Each answer is counted, except those of the two workers that were killed before they counted.
  CHECK(page->Sum("preforkd_requests_total") + 2 >= static_cast<double>(result.ok + scraper.Scrapes()));
  CHECK(page->Value(fmt::format("preforkd_connections_accepted_total{{listener=\"{}\"}}",
                                daemon.Address(0))) == static_cast<double>(result.ok + result.Failed()));
  CHECK(page->Value("preforkd_handovers_total{direction=\"to_worker\",reason=\"accepted\"}") > 1000);
  CHECK(page->Value("preforkd_dispatch_wait_seconds_count") + 20 >=
        page->Sum("preforkd_connections_accepted_total"));
  CHECK(page->Sum("preforkd_connections_lost_total") <= 8);  // what the two killed workers were serving
}

TEST_CASE("metrics of a refused reload, of one that removes a listener and of one that adds it again") {
  DaemonProcess daemon;
  const std::string socket = "unix:" + daemon.Path("web.sock");
  daemon.WriteConfig(Config().Listen("web", socket));
  daemon.Serve(2);
  const std::string accepted = fmt::format("preforkd_connections_accepted_total{{listener=\"{}\"}}", socket);
  const std::string paused = fmt::format("preforkd_accept_paused{{listener=\"{}\"}}", socket);
  const auto ask = [&] {
    const auto page = MetricsPage::Read(daemon.Address(1));
    REQUIRE(page);
    return *page;
  };
  CHECK(HttpClient(socket).Get("/"));
  CHECK(ask().Value(accepted) == 1);
  CHECK(ask().Value(paused) == 0);

  daemon.WriteConfig("nonsense = 1\n");
  CHECK_FALSE(daemon.Reload());
  CHECK(ask().Value("preforkd_last_reload_successful") == 0);
  CHECK(ask().Value("preforkd_reloads_total{result=\"refused\"}") == 1);

  daemon.RebaseDescriptors();
  daemon.WriteConfig(Config());
  CHECK(daemon.Reload());
  daemon.IgnoreDescriptors();
  CHECK(ask().Value("preforkd_last_reload_successful") == 1);
  CHECK(ask().Value(accepted) == 1);
  CHECK(ask().Value(paused) == -1);

  daemon.WriteConfig(Config().Listen("web", socket));
  REQUIRE(WaitUntil(kTimeout, [&] { return daemon.Reload(); }));
  CHECK(HttpClient(socket).Get("/"));
  CHECK(ask().Value(accepted) == 2);
  CHECK(ask().Value(paused) == 0);
}

TEST_CASE("the process metrics of the master agree with /proc") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  const auto page = MetricsPage::Read(daemon.Address(1));
  REQUIRE(page);
  const auto bytes = static_cast<double>(ResidentBytes(daemon.MasterPid()));
  CHECK(page->Value("process_resident_memory_bytes") == doctest::Approx(bytes).epsilon(0.2));
  CHECK(page->Value("process_virtual_memory_bytes") > bytes);
  CHECK(page->Value("process_cpu_seconds_total") > 0);
  CHECK(page->Value("process_cpu_seconds_total") <= CpuSeconds(daemon.MasterPid()) + 0.02);
  CHECK(page->Value("process_open_fds") > 8);
  CHECK(page->Value("process_max_fds") > page->Value("process_open_fds"));
  const double wall_clock =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  CHECK(page->Value("process_start_time_seconds") == doctest::Approx(wall_clock).epsilon(60 / wall_clock));
  CHECK(page->Value("preforkd_worker_resident_memory_bytes{pool=\"main\",slot=\"0\"}") > 1e6);
}

}  // namespace preforkd::testing
