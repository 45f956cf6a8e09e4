#include "common/report/status_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "common/about/version.h"
#include "common/report/pool_reading.h"
#include "common/report/totals.h"

namespace preforkd {
namespace {

using Json = nlohmann::ordered_json;

double SecondsSince(std::uint64_t start_ns, Time now) {
  const auto now_ns = static_cast<std::uint64_t>(ToNanoseconds(now));
  return start_ns == 0 || start_ns > now_ns ? 0 : ToSeconds(now_ns - start_ns);
}

Json Worker(Slot slot, const WorkerRow& row, const std::string& pool, Time now) {
  Json worker = {
      {"slot", Raw(slot)},
      {"pool", pool},
      {"incarnation", Get(row.incarnation)},
      {"generation", Get(row.generation)},
      {"pid", Get(row.pid)},
      {"state", SlotStateName(row.state.load(std::memory_order_relaxed))},
      {"connections", row.Connections()},
      {"queued", row.Queued()},
      {"taken", Get(row.taken)},
      {"requests", Get(row.requests)},
      {"rss_bytes", Get(row.rss_bytes)},
      {"cpu_seconds", ToSeconds(Get(row.cpu_ns))},
      {"uptime_seconds", SecondsSince(Get(row.started_ns), now)},
      {"heartbeat_age_seconds", SecondsSince(std::max(Get(row.heartbeat_ns), Get(row.started_ns)), now)},
      {"doing", row.DescribeDoing(ToNanoseconds(now))},
  };
  if (const std::uint64_t threads = Get(row.threads); threads > 0) {
    worker["threads"] = {
        {"busy", Get(row.threads_busy)}, {"of", threads}, {"waiting", Get(row.requests_waiting)}};
  }
  return worker;
}

Json Workers(const Scoreboard& scoreboard, const std::vector<PoolReading>& pools, Time now) {
  Json workers = Json::array();
  for (std::uint32_t i = 0; i < scoreboard.SlotsUsed(); ++i) {
    const WorkerRow& row = scoreboard.Row(Slot{i});
    if (row.state.load(std::memory_order_relaxed) == SlotState::kFree) continue;
    workers.push_back(Worker(Slot{i}, row, PoolNameOf(row, pools), now));
  }
  return workers;
}

Json Pools(const std::vector<PoolReading>& pools) {
  Json list = Json::array();
  for (const PoolReading& pool : pools) {
    if (!pool.used) continue;
    list.push_back({{"name", pool.name},
                    {"kind", pool.kind},
                    {"state", PoolStateName(pool.state)},
                    {"workers_wanted", pool.workers_wanted},
                    {"workers_max", pool.workers_max},
                    {"ready", pool.Workers(SlotState::kReady)},
                    {"waiting", pool.waiting},
                    {"gathers", pool.gathers},
                    {"restarts", pool.Restarts()}});
  }
  return list;
}

Json Listeners(const Scoreboard& scoreboard) {
  Json listeners = Json::array();
  for (const ListenerRow& row : scoreboard.Listeners()) {
    if (!row.used.load(std::memory_order_relaxed)) continue;
    listeners.push_back({{"address", row.address.Read()},
                         {"service", row.service.Read()},
                         {"accepted", Get(row.accepted)},
                         {"paused", row.paused.load(std::memory_order_relaxed)}});
  }
  return listeners;
}

Json RestartsBy(const std::vector<PoolReading>& pools) {
  Json reasons = Json::object();
  for (std::size_t i = 0; i < kRestartReasons; ++i) {
    reasons[RestartReasonName(static_cast<RestartReason>(i))] =
        std::accumulate(pools.begin(), pools.end(), std::uint64_t{0},
                        [i](std::uint64_t sum, const PoolReading& pool) { return sum + pool.restarts[i]; });
  }
  return reasons;
}

// `counts`: each class alone, not cumulative; the last counts those that waited longer than any bound.
Json DispatchWait(const Totals& totals) {
  Json bounds = Json::array();
  for (const std::uint64_t bound : WaitHistogram::kBounds) bounds.push_back(ToSeconds(bound));
  return {{"le_seconds", bounds}, {"counts", totals.waits}, {"sum_seconds", ToSeconds(totals.waits_ns)}};
}

Json Tls(const Totals& totals) {
  return {{"handshakes", totals.handshakes_done},
          {"failed", totals.handshakes_failed},
          {"resumed", totals.resumptions}};
}

Json MasterUseJson(const MasterUse& use) {
  return {{"rss_bytes", Get(use.rss_bytes)},
          {"cpu_seconds", ToSeconds(Get(use.cpu_ns))},
          {"open_fds", Get(use.descriptors)},
          {"max_fds", Get(use.max_descriptors)}};
}

Json LostBy(const Accounting& accounting) {
  Json reasons = Json::object();
  for (std::size_t i = 0; i < kLossReasons; ++i) {
    reasons[LossReasonName(static_cast<LossReason>(i))] = accounting.lost_by[i];
  }
  return reasons;
}

Json Bounded(const ClientRates& clients) {
  Json bounds = Json::object();
  for (std::size_t i = 0; i < kBounds; ++i)
    bounds[BoundName(static_cast<Bound>(i))] = clients.met[i].load(std::memory_order_relaxed);
  return bounds;
}

Json Certificates(const AllCertificateFacts& certificates) {
  Json list = Json::array();
  for (const CertificateFacts& each : certificates) {
    list.push_back({{"chain", each.chain},
                    {"names", each.names},
                    {"subject", each.subject},
                    {"issuer", each.issuer},
                    {"key", each.key},
                    {"fingerprint", each.fingerprint},
                    {"not_before", each.not_before},
                    {"not_after", each.not_after},
                    {"ends_first", each.ends_first},
                    {"staple", each.staple},
                    {"staple_ends", each.staple_ends}});
  }
  return list;
}

}  // namespace

std::string StatusJson(const Scoreboard& scoreboard, std::optional<Slot> answered_by, Time now,
                       const AllCertificateFacts* certificates) {
  const MasterPage& master = scoreboard.Master();
  Totals totals;
  scoreboard.ReadAtOneMoment([&] { totals = ReadTotalsNow(scoreboard); });
  const Accounting& accounting = totals.account;
  const std::vector<PoolReading> pools = ReadPools(scoreboard);
  Json report = {
      {"version", kVersion},
      {"pid", Get(master.pid)},
      {"uptime_seconds", SecondsSince(Get(master.started_ns), now)},
      {"generation", Get(master.generation)},
      {"state", MasterStateName(master.state.load(std::memory_order_relaxed))},
      {"accepted", accounting.accepted},
      {"in_progress", accounting.in_progress},
      {"waiting", Get(master.waiting)},
      {"parked", accounting.parked},
      {"finished", accounting.finished},
      {"evicted", accounting.evicted},
      {"bounded", Bounded(scoreboard.Clients().rates)},
      {"lost", accounting.lost},
      {"lost_by", LostBy(accounting)},
      {"reclaimed", Get(master.reclaimed)},
      {"gathers",
       std::any_of(pools.begin(), pools.end(), [](const PoolReading& pool) { return pool.gathers; })},
      {"handed_over", master.handed_over.Sum()},
      {"handed_back", master.handed_back.Sum()},
      {"log_lines_dropped",
       {{"server", Get(master.log_lines_dropped)}, {"access", Get(master.access_lines_dropped)}}},
      {"restarts", Restarts(pools)},
      {"restarts_by", RestartsBy(pools)},
      {"requests", totals.requests},
      {"workers_wanted", WorkersWanted(pools)},
      {"last_reload_successful", master.last_reload_served.load(std::memory_order_relaxed)},
      {"dispatch_wait", DispatchWait(totals)},
      {"tls", Tls(totals)},
      {"master", MasterUseJson(master.use)},
      {"listeners", Listeners(scoreboard)},
      {"pools", Pools(pools)},
      {"workers", Workers(scoreboard, pools, now)},
  };
  if (certificates != nullptr) report["certificates"] = Certificates(*certificates);
  if (answered_by) {
    report["answered_by"] = {{"slot", Raw(*answered_by)}, {"pid", Get(scoreboard.Row(*answered_by).pid)}};
  }
  // The text of a worker quotes its client, who may send any bytes: invalid UTF-8 becomes U+FFFD.
  return report.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace preforkd
