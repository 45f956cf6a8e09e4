// The scoreboard in Prometheus' format.
#include "common/report/metrics.h"

#include <doctest/doctest.h>

#include <cmath>

#include "common/report/exposition.h"
#include "common/scoreboard/ledger.h"
#include "tests/support/metrics_page.h"

namespace preforkd::testing {
namespace {

Scoreboard Make() {
  Result<Scoreboard> board = Scoreboard::Create();
  REQUIRE(board.Ok());
  PoolRow& pool = board.Value().UsePool(kMainPool);
  pool.used = true;
  pool.name.Write("main");
  return std::move(board).Value();
}

MetricsPage Render(const Scoreboard& board, Time now = Now()) {
  return MetricsPage::Parse(RenderMetrics(board, now));
}

// A worker of slot `slot` with some counts.
WorkerRow& Ready(const Scoreboard& board, std::uint32_t slot, std::uint64_t requests) {
  WorkerRow& row = board.Use(Slot{slot});
  row.state = SlotState::kReady;
  Set(row.requests, requests);
  Set(row.bytes_in, requests * 10);
  Set(row.bytes_out, requests * 100);
  Set(row.cpu_ns, requests * 1'000'000);
  return row;
}

// The master's steps when it has ended.
void EndWorker(const Scoreboard& board, WorkerRow& row) {
  (void)Ledger(board.Master()).WorkerEnded(row, 0, LossReason::kCrash);
}

}  // namespace

TEST_CASE("every documented name is there from the start, and promtool accepts the page") {
  const Scoreboard board = Make();
  ListenerRow& listener = *board.AddListener();
  listener.used = true;
  listener.address.Write("127.0.0.1:8080");
  (void)Ready(board, 0, 0);
  const MetricsPage page = Render(board);
  for (const char* name :
       {"build_info", "start_time_seconds", "generation", "last_reload_successful", "workers",
        "worker_restarts_total", "worker_heartbeat_age_seconds", "worker_resident_memory_bytes",
        "connections", "connections_accepted_total", "connections_parked", "connections_lost_total",
        "handovers_total", "reclaimed_total", "dispatch_queue_length", "accept_errors_total", "accept_paused",
        "requests_total"}) {
    CAPTURE(name);
    CHECK(page.Count(std::string("preforkd_") + name) > 0);
  }
  CHECK(page.Families().contains("preforkd_dispatch_wait_seconds"));
  for (const char* name :
       {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_virtual_memory_bytes",
        "process_open_fds", "process_max_fds", "process_start_time_seconds"}) {
    CAPTURE(name);
    CHECK(page.Count(name) == 1);
  }
  CHECK(PromtoolComplaint(page.Text()).empty());
  CHECK_FALSE(PromtoolComplaint("# TYPE x counter\nx 1\n").empty());  // promtool does check
}

TEST_CASE("the counts of an ended worker stay in its slot") {
  const Scoreboard board = Make();
  WorkerRow& row = Ready(board, 1, 70);
  row.dispatch_wait.Observe(std::chrono::microseconds(80));
  const MetricsPage first = Render(board);
  CHECK(first.Value("preforkd_requests_total{pool=\"main\",slot=\"1\"}") == 70);
  CHECK(first.Value("preforkd_requests_total{pool=\"main\",slot=\"0\"}") == 0);

  EndWorker(board, row);
  row.state = SlotState::kFree;
  const MetricsPage ended = Render(board);
  CHECK(ended.WentBack(first).empty());
  CHECK(ended.Value("preforkd_requests_total{pool=\"main\",slot=\"1\"}") == 70);
  CHECK(ended.Value("preforkd_connections{pool=\"main\",slot=\"1\"}") == -1);  // no gauge without a worker

  (void)Ready(board, 1, 5);
  row.dispatch_wait.Observe(std::chrono::seconds(60));
  const MetricsPage next = Render(board);
  CHECK(next.WentBack(ended).empty());
  CHECK(next.Value("preforkd_requests_total{pool=\"main\",slot=\"1\"}") == 75);
  CHECK(next.Value("preforkd_received_bytes_total{pool=\"main\",slot=\"1\"}") == 750);
  CHECK(next.Value("preforkd_sent_bytes_total{pool=\"main\",slot=\"1\"}") == 7500);
  CHECK(next.Value("preforkd_worker_cpu_seconds_total{pool=\"main\",slot=\"1\"}") == doctest::Approx(0.075));
  CHECK(next.Value("preforkd_dispatch_wait_seconds_count") == 2);
}

TEST_CASE("the histogram: each wait in its class, bounds belong to the class below, the last has none") {
  const Scoreboard board = Make();
  WorkerRow& row = Ready(board, 0, 0);
  for (const std::int64_t ns : {-5, 0, 50'000, 50'001, 20'000'000}) row.dispatch_wait.Observe(Duration(ns));
  row.dispatch_wait.Observe(std::chrono::hours(1));
  const MetricsPage page = Render(board);
  const auto bucket = [&page](const std::string& le) {
    return page.Value("preforkd_dispatch_wait_seconds_bucket{le=\"" + le + "\"}");
  };
  CHECK(bucket("5e-05") == 3);
  CHECK(bucket("0.0001") == 4);
  CHECK(bucket("0.01") == 4);
  CHECK(bucket("0.025") == 5);
  CHECK(bucket("10") == 5);
  CHECK(bucket("+Inf") == 6);
  CHECK(page.Value("preforkd_dispatch_wait_seconds_count") == 6);
  CHECK(page.Value("preforkd_dispatch_wait_seconds_sum") == doctest::Approx(3600.020100001));
  CHECK(page.Count("preforkd_dispatch_wait_seconds_bucket") == WaitHistogram::kClasses);
}

TEST_CASE("workers by state, and the age of their heartbeats") {
  const Scoreboard board = Make();
  const Time now = Now();
  const auto ago = [now](double seconds) {
    return static_cast<std::uint64_t>(ToNanoseconds(now)) - static_cast<std::uint64_t>(seconds * 1e9);
  };
  WorkerRow& ready = Ready(board, 0, 0);
  Set(ready.started_ns, ago(100));
  Set(ready.heartbeat_ns, ago(0.5));
  WorkerRow& starting = board.Use(Slot{1});
  starting.state = SlotState::kStarting;
  Set(starting.started_ns, ago(2));
  board.Use(Slot{2}).state = SlotState::kGone;
  board.Use(Slot{3}).state = static_cast<SlotState>(77);  // a misbehaving worker: ignored, and no crash here
  const MetricsPage page = Render(board, now);
  CHECK(page.Value("preforkd_workers{pool=\"main\",state=\"ready\"}") == 1);
  CHECK(page.Value("preforkd_workers{pool=\"main\",state=\"starting\"}") == 1);
  CHECK(page.Value("preforkd_workers{pool=\"main\",state=\"retiring\"}") == 0);
  CHECK(page.Value("preforkd_workers{pool=\"main\",state=\"gone\"}") == 1);
  CHECK(page.Value("preforkd_worker_heartbeat_age_seconds{pool=\"main\",slot=\"0\"}") ==
        doctest::Approx(0.5));
  CHECK(page.Value("preforkd_worker_heartbeat_age_seconds{pool=\"main\",slot=\"1\"}") == doctest::Approx(2));
  CHECK(page.Count("preforkd_worker_heartbeat_age_seconds") == 2);
}

TEST_CASE(
    "pools: each has its series, one that the configuration has no longer only while workers of it finish") {
  const Scoreboard board = Make();
  PoolRow& main = board.Pools()[0];
  Set(main.workers_wanted, 2);
  main.state = PoolState::kServing;
  PoolRow& app = board.UsePool(PoolId{1});
  app.used = true;
  app.name.Write("app");
  app.state = PoolState::kDegraded;
  Set(app.workers_wanted, 3);
  Set(app.workers_max, 12);
  Set(app.queue_length, 9);
  PoolRow& old = board.UsePool(PoolId{2});
  old.name.Write("old");
  Set(old.workers_wanted, 5);
  (void)Ready(board, 0, 1);
  WorkerRow& gone = Ready(board, 1, 2);
  Set(gone.pool, 1);
  gone.state = SlotState::kGone;
  WorkerRow& retiring = Ready(board, 2, 3);
  Set(retiring.pool, 2);
  retiring.state = SlotState::kRetiring;
  const MetricsPage page = Render(board);
  CHECK(page.Value("preforkd_workers{pool=\"main\",state=\"ready\"}") == 1);
  CHECK(page.Value("preforkd_workers{pool=\"app\",state=\"gone\"}") == 1);
  CHECK(page.Value("preforkd_workers{pool=\"app\",state=\"ready\"}") == 0);
  CHECK(page.Value("preforkd_workers{pool=\"old\",state=\"retiring\"}") == 1);
  CHECK(page.Value("preforkd_workers_wanted{pool=\"main\"}") == 2);
  CHECK(page.Value("preforkd_workers_wanted{pool=\"app\"}") == 3);
  CHECK(page.Count("preforkd_workers_wanted") == 2);
  CHECK(page.Value("preforkd_workers_max{pool=\"app\"}") == 12);
  CHECK(page.Value("preforkd_pool_degraded{pool=\"main\"}") == 0);
  CHECK(page.Value("preforkd_pool_degraded{pool=\"app\"}") == 1);
  CHECK(page.Value("preforkd_connections_waiting{pool=\"app\"}") == 9);
  CHECK(page.Value("preforkd_connections{pool=\"old\",slot=\"2\"}") == 0);
  CHECK(page.Value("preforkd_requests_total{pool=\"app\",slot=\"1\"}") == 2);
  CHECK(PromtoolComplaint(page.Text()).empty());
  retiring.state = SlotState::kFree;
  CHECK(Render(board).Text().find("preforkd_workers{pool=\"old\"") == std::string::npos);
}

TEST_CASE("application threads: gauges of the workers that have some") {
  const Scoreboard board = Make();
  (void)Ready(board, 0, 0);
  WorkerRow& row = Ready(board, 1, 0);
  Set(row.threads, 4);
  Set(row.threads_busy, 3);
  Set(row.requests_waiting, 2);
  const MetricsPage page = Render(board);
  CHECK(page.Value("preforkd_application_threads{pool=\"main\",slot=\"1\"}") == 4);
  CHECK(page.Value("preforkd_application_threads_busy{pool=\"main\",slot=\"1\"}") == 3);
  CHECK(page.Value("preforkd_requests_waiting{pool=\"main\",slot=\"1\"}") == 2);
  for (const char* name :
       {"preforkd_application_threads", "preforkd_application_threads_busy", "preforkd_requests_waiting"})
    CHECK(page.Count(name) == 1);
  EndWorker(board, row);
  row.state = SlotState::kGone;
  CHECK(Render(board).Count("preforkd_application_threads") == 0);
}

TEST_CASE("counters of modules: one family for each name, the sum of running and ended workers") {
  const Scoreboard board = Make();
  board.AddModuleCounter("shop", "orders", "Orders \\ \"paid\".\nAll.");
  board.AddModuleCounter("shop", "errors", "");
  board.AddModuleCounter("bank", "orders", "Transfers.");
  WorkerRow& first = Ready(board, 0, 0);
  WorkerRow& second = Ready(board, 1, 0);
  Set(first.module_counts[0], 5);
  Set(first.module_counts[2], 7);
  Set(second.module_counts[0], 10);
  Set(second.module_counts[3], 99);  // a misbehaving worker: no counter has this number
  const auto shop = [](const MetricsPage& page) {
    return page.Value("preforkd_module_orders_total{service=\"shop\"}");
  };
  const MetricsPage page = Render(board);
  CHECK(shop(page) == 15);
  CHECK(page.Value("preforkd_module_orders_total{service=\"bank\"}") == 7);
  CHECK(page.Value("preforkd_module_errors_total{service=\"shop\"}") == 0);
  CHECK(page.Text().find("# HELP preforkd_module_orders_total Orders \\\\ \"paid\".\\nAll.\n"
                         "# TYPE preforkd_module_orders_total counter\n") != std::string::npos);
  CHECK(PromtoolComplaint(page.Text()).empty());

  EndWorker(board, first);
  const MetricsPage ended = Render(board);
  CHECK(ended.WentBack(page).empty());
  CHECK(shop(ended) == 15);
  Set(first.module_counts[0], 1);  // its successor
  const MetricsPage next = Render(board);
  CHECK(next.WentBack(ended).empty());
  CHECK(shop(next) == 16);
  CHECK(Render(Make()).Text().find("preforkd_module_") == std::string::npos);
}

TEST_CASE("TLS handshakes: of running and ended gates, by result and version") {
  const Scoreboard board = Make();
  WorkerRow& first = Ready(board, 0, 0);
  WorkerRow& second = Ready(board, 1, 0);
  CHECK(Render(board).Value("preforkd_tls_resumptions_total") == 0);
  Add(first.handshakes.ended[HandshakeEnd::kTls13], 5);
  Add(first.handshakes.ended[HandshakeEnd::kTls12], 2);
  Add(first.handshakes.resumed, 3);
  Add(second.handshakes.ended[HandshakeEnd::kTls13], 10);
  Add(second.handshakes.ended[HandshakeEndOf("no_cipher")], 4);
  const MetricsPage page = Render(board);
  const std::string family = "preforkd_tls_handshakes_total";
  CHECK(page.Value(family + "{result=\"ok\",version=\"TLSv1.3\"}") == 15);
  CHECK(page.Value(family + "{result=\"ok\",version=\"TLSv1.2\"}") == 2);
  CHECK(page.Value(family + "{result=\"no_cipher\",version=\"\"}") == 4);
  CHECK(page.Value(family + "{result=\"timeout\",version=\"\"}") == 0);
  CHECK(page.Value("preforkd_tls_resumptions_total") == 3);
  CHECK(page.Count(family) == kHandshakeEnds);
  CHECK(PromtoolComplaint(page.Text()).empty());
  EndWorker(board, first);
  const MetricsPage ended = Render(board);
  CHECK(ended.WentBack(page).empty());
  CHECK(ended.Value(family + "{result=\"ok\",version=\"TLSv1.2\"}") == 2);
  CHECK(ended.Value("preforkd_tls_resumptions_total") == 3);
}

TEST_CASE("a word of the handshake's log is its label; an unknown one is other") {
  for (std::size_t i = 2; i < kHandshakeEnds; ++i) {
    const auto end = static_cast<HandshakeEnd>(i);
    CHECK(HandshakeEndOf(HandshakeResultName(end)) == end);
  }
  for (const char* word : {"", "ok", "no_such_word"}) CHECK(HandshakeEndOf(word) == HandshakeEnd::kOther);
}

TEST_CASE("counters by reason come out under their names") {
  const Scoreboard board = Make();
  MasterPage& master = board.Master();
  board.UsePool(PoolId{1}).name.Write("app");
  Add(master.restarts[1][RestartReason::kHang], 3);
  Add(master.recycled[RecycleReason::kMemory], 4);
  Add(master.handed_over[HandOverReason::kReclaimed], 5);
  Add(master.handed_back[ReturnReason::kOverShare], 6);
  Add(master.handed_back[ReturnReason::kSecured], 16);
  Add(master.accept_errors[AcceptErrnoOf(EMFILE)], 7);
  Add(master.accept_errors[AcceptErrnoOf(EBADF)], 8);
  Add(master.lost_by[static_cast<std::size_t>(LossReason::kDrain)], 9);
  master.CountReload(ReloadResult::kAbandoned);
  const MetricsPage page = Render(board);
  CHECK(page.Value("preforkd_worker_restarts_total{pool=\"app\",reason=\"hang\"}") == 3);
  CHECK(page.Value("preforkd_worker_recycles_total{reason=\"max_memory\"}") == 4);
  CHECK(page.Value("preforkd_handovers_total{direction=\"to_worker\",reason=\"reclaimed\"}") == 5);
  CHECK(page.Value("preforkd_handovers_total{direction=\"to_master\",reason=\"over_share\"}") == 6);
  CHECK(page.Value("preforkd_handovers_total{direction=\"to_master\",reason=\"secured\"}") == 16);
  CHECK(page.Value("preforkd_accept_errors_total{errno=\"EMFILE\"}") == 7);
  CHECK(page.Value("preforkd_accept_errors_total{errno=\"other\"}") == 8);
  CHECK(page.Value("preforkd_connections_lost_total{reason=\"drain\"}") == 9);
  CHECK(page.Value("preforkd_reloads_total{result=\"abandoned\"}") == 1);
  CHECK(page.Value("preforkd_last_reload_successful") == 0);
  master.CountReload(ReloadResult::kServes);
  CHECK(Render(board).Value("preforkd_last_reload_successful") == 1);
  CHECK(Render(board).Text().find("unknown") == std::string::npos);  // a name is missing
}

TEST_CASE("a listener that was closed goes on being counted, and is not paused") {
  const Scoreboard board = Make();
  ListenerRow& listener = *board.AddListener();
  listener.address.Write("unix:/run/\"a\\b\xff\n.sock");
  Set(listener.accepted, 11);
  const MetricsPage page = Render(board);
  CHECK(page.Value(
            "preforkd_connections_accepted_total{listener=\"unix:/run/\\\"a\\\\b\xef\xbf\xbd\\n.sock\"}") ==
        11);
  CHECK(page.Count("preforkd_accept_paused") == 0);
  CHECK(PromtoolComplaint(page.Text()).empty());
}

TEST_CASE("when certificates end, each once") {
  Result<Scoreboard> board = Scoreboard::Create();
  REQUIRE(board.Ok());
  AllCertificateFacts facts(3);
  facts[0].chain = "/etc/a.pem";
  facts[0].names = {"a.example", "b.example"};
  facts[0].not_after = 1800000000;
  facts[1] = facts[0];
  facts[2].chain = "/etc/c.pem";
  facts[2].subject = "CN=\"c\"";
  facts[2].staple = "/etc/c.ocsp";
  facts[2].staple_ends = 1700000000;
  const std::string page = RenderMetrics(board.Value(), Now(), &facts);
  const std::string samples =
      "preforkd_certificate_not_after_seconds{chain=\"/etc/a.pem\",name=\"a.example\"} 1800000000\n"
      "preforkd_certificate_not_after_seconds{chain=\"/etc/c.pem\",name=\"CN=\\\"c\\\"\"} 0\n";
  CHECK(page.find("# TYPE preforkd_certificate_not_after_seconds gauge\n" + samples + "#") !=
        std::string::npos);
  // Only of the one with an OCSP response.
  CHECK(page.find("# TYPE preforkd_certificate_staple_ends_seconds gauge\n"
                  "preforkd_certificate_staple_ends_seconds{chain=\"/etc/c.pem\",name=\"CN=\\\"c\\\"\"} "
                  "1700000000\n#") != std::string::npos);
}

TEST_CASE("label values: UTF-8 stays, everything else becomes U+FFFD") {
  const auto rendered = [](std::string_view value) {
    Exposition out;
    out.Gauge("a", "b");
    out.Sample(std::uint64_t{1}, {{"l", value}});
    const std::string text = out.Take();
    const std::size_t begin = text.find("l=\"") + 3;
    return text.substr(begin, text.rfind('"') - begin);
  };
  const std::string bad = "\xef\xbf\xbd";
  CHECK(rendered("") == "");
  const std::string two_three_and_four = "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x99";
  CHECK(rendered(two_three_and_four) == two_three_and_four);
  CHECK(rendered("\x80") == bad);
  CHECK(rendered("\xc0\x80") == bad + bad);                      // overlong
  CHECK(rendered("\xe0\x80\x80") == bad + bad + bad);            // overlong
  CHECK(rendered("\xed\xa0\x80") == bad + bad + bad);            // half of a pair
  CHECK(rendered("\xf4\x90\x80\x80") == bad + bad + bad + bad);  // beyond Unicode
  CHECK(rendered("\xe2\x82") == bad + bad);                      // cut short
  CHECK(rendered("a\xe2\x82z") == "a" + bad + bad + "z");
}

}  // namespace preforkd::testing
