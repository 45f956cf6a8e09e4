#include "common/report/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/about/version.h"
#include "common/report/exposition.h"
#include "common/report/pool_reading.h"
#include "common/report/totals.h"

namespace preforkd {
namespace {

// One slot: its current worker, and the totals of all its workers.
struct SlotReading {
  std::string name;  // the label's value
  std::string pool;  // the same
  SlotState state{};
  std::uint64_t connections = 0;
  std::uint64_t queued = 0;
  std::uint64_t threads = 0;
  std::uint64_t threads_busy = 0;
  std::uint64_t requests_waiting = 0;
  std::uint64_t rss_bytes = 0;
  std::uint64_t alive_ns = 0;  // monotonic time of its last heartbeat
  std::uint64_t requests = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t cpu_ns = 0;

  [[nodiscard]] bool HasWorker() const {
    return state == SlotState::kStarting || state == SlotState::kReady || state == SlotState::kRetiring;
  }
};

// Everything read at one moment.
struct Reading {
  Totals totals;
  std::vector<SlotReading> slots;
  std::vector<PoolReading> pools;
  std::vector<std::uint64_t> module_counts;  // by ModuleCounterRow
};

SlotReading ReadSlot(const WorkerRow& row) {
  SlotReading slot;
  slot.state = row.state.load(std::memory_order_relaxed);
  slot.connections = row.Connections();
  slot.queued = row.Queued();
  slot.threads = Get(row.threads);
  slot.threads_busy = Get(row.threads_busy);
  slot.requests_waiting = Get(row.requests_waiting);
  slot.rss_bytes = Get(row.rss_bytes);
  slot.alive_ns = std::max(Get(row.heartbeat_ns), Get(row.started_ns));
  slot.requests = Get(row.before.requests) + Get(row.requests);
  slot.bytes_in = Get(row.before.bytes_in) + Get(row.bytes_in);
  slot.bytes_out = Get(row.before.bytes_out) + Get(row.bytes_out);
  slot.cpu_ns = Get(row.before.cpu_ns) + Get(row.cpu_ns);
  return slot;
}

Reading Read(const Scoreboard& scoreboard) {
  Reading reading;
  scoreboard.ReadAtOneMoment([&] {
    reading.totals = ReadTotalsNow(scoreboard);
    reading.module_counts = ReadModuleCountsNow(scoreboard);
    reading.slots.clear();
    for (std::uint32_t i = 0; i < scoreboard.SlotsUsed(); ++i) {
      reading.slots.push_back(ReadSlot(scoreboard.Row(Slot{i})));
    }
  });
  reading.pools = ReadPools(scoreboard);
  for (std::uint32_t i = 0; i < reading.slots.size(); ++i) {
    reading.slots[i].name = fmt::format_int(i).str();
    reading.slots[i].pool = PoolNameOf(scoreboard.Row(Slot{i}), reading.pools);
  }
  return reading;
}

// One sample for each value of the enumeration that the counters are indexed by.
template <typename Kind, std::size_t kSize>
void Samples(Exposition& out, const CounterPer<Kind, kSize>& counters, const char* label,
             const char* (*name)(Kind)) {
  for (std::size_t i = 0; i < kSize; ++i) {
    const auto kind = static_cast<Kind>(i);
    out.Sample(Get(counters[kind]), {{label, name(kind)}});
  }
}

void RenderServer(Exposition& out, const MasterPage& master) {
  out.Gauge("preforkd_build_info", "The version of the running program; always 1.");
  out.Sample(std::uint64_t{1}, {{"version", kVersion}});
  out.Gauge("preforkd_start_time_seconds", "When the server started, in seconds since 1970.");
  out.Sample(ToSeconds(Get(master.started_unix_ns)));
  out.Gauge("preforkd_state", "1 for the current state of the server, 0 for the others.");
  const MasterState state = master.state.load(std::memory_order_relaxed);
  for (const MasterState each : {MasterState::kStarting, MasterState::kServing, MasterState::kDegraded,
                                 MasterState::kReloading, MasterState::kStopping}) {
    out.Sample(std::uint64_t{each == state}, {{"state", MasterStateName(each)}});
  }
  out.Gauge("preforkd_generation", "Number of the configuration in use; a reload makes the next one.");
  out.Sample(Get(master.generation));
  out.Gauge("preforkd_last_reload_successful", "1 unless the last reload was refused or abandoned.");
  out.Sample(std::uint64_t{master.last_reload_served.load(std::memory_order_relaxed)});
  out.Counter("preforkd_reloads_total", "Reloads, by result.");
  Samples(out, master.reloads, "result", ReloadResultName);
  out.Counter("preforkd_upgrades_total", "Upgrades in place, by result.");
  Samples(out, master.upgrades, "result", UpgradeResultName);
}

void RenderPools(Exposition& out, const std::vector<PoolReading>& pools) {
  out.Gauge("preforkd_workers", "Workers by state; gone: ended, and waiting to be started again.");
  for (const PoolReading& pool : pools) {
    if (!pool.used && !pool.HasWorkers()) continue;
    for (const SlotState state :
         {SlotState::kStarting, SlotState::kReady, SlotState::kRetiring, SlotState::kGone}) {
      out.Sample(pool.Workers(state), {{"pool", pool.name}, {"state", SlotStateName(state)}});
    }
  }
  const auto gauge = [&](const char* name, const char* help, auto value) {
    out.Gauge(name, help);
    for (const PoolReading& pool : pools) {
      if (pool.used) out.Sample(std::uint64_t{value(pool)}, {{"pool", pool.name}});
    }
  };
  gauge("preforkd_workers_wanted", "Configured number of workers, without extras.",
        [](const PoolReading& pool) { return pool.workers_wanted; });
  gauge("preforkd_workers_max", "Maximum number of workers, with extras.",
        [](const PoolReading& pool) { return pool.workers_max; });
  gauge("preforkd_pool_degraded", "1 while no worker of the pool is ready and none can be started.",
        [](const PoolReading& pool) { return std::uint64_t{pool.state == PoolState::kDegraded}; });
  gauge("preforkd_connections_waiting", "Connections that wait because no worker of the pool has room.",
        [](const PoolReading& pool) { return pool.waiting; });
  gauge("preforkd_dispatch_gathers",
        "1 while connections are gathered on few workers of the pool (dispatch.gather).",
        [](const PoolReading& pool) { return std::uint64_t{pool.gathers ? 1U : 0U}; });
}

void RenderWorkers(Exposition& out, const MasterPage& master, const Reading& reading, Time now) {
  out.Counter("preforkd_worker_restarts_total", "Workers that ended unexpectedly, by cause.");
  for (const PoolReading& pool : reading.pools) {
    if (!pool.used && pool.Restarts() == 0) continue;
    for (std::size_t i = 0; i < kRestartReasons; ++i) {
      out.Sample(pool.restarts[i],
                 {{"pool", pool.name}, {"reason", RestartReasonName(static_cast<RestartReason>(i))}});
    }
  }
  out.Counter("preforkd_worker_recycles_total", "Healthy workers that were replaced, by reason.");
  Samples(out, master.recycled, "reason", RecycleReasonName);
  out.Gauge("preforkd_worker_heartbeat_age_seconds", "Time since the last heartbeat of the worker.");
  const auto now_ns = static_cast<std::uint64_t>(ToNanoseconds(now));
  for (const SlotReading& slot : reading.slots) {
    if (slot.HasWorker())
      out.Sample(ToSeconds(now_ns - std::min(now_ns, slot.alive_ns)),
                 {{"pool", slot.pool}, {"slot", slot.name}});
  }
  out.Gauge("preforkd_worker_resident_memory_bytes",
            "Resident memory of the worker at its last heartbeat, without what is preloaded.");
  for (const SlotReading& slot : reading.slots) {
    if (slot.HasWorker()) out.Sample(slot.rss_bytes, {{"pool", slot.pool}, {"slot", slot.name}});
  }
  out.Counter("preforkd_worker_cpu_seconds_total", "CPU time of all workers that the slot has had.");
  for (const SlotReading& slot : reading.slots)
    out.Sample(ToSeconds(slot.cpu_ns), {{"pool", slot.pool}, {"slot", slot.name}});
  out.Counter("preforkd_system_calls_refused_total",
              "System calls of workers that the filter refused (worker.seccomp).");
  out.Sample(Get(master.calls_refused));
}

// Only workers that have application threads.
void RenderThreads(Exposition& out, const Reading& reading) {
  const auto gauge = [&](const char* name, const char* help, std::uint64_t SlotReading::*value) {
    out.Gauge(name, help);
    for (const SlotReading& slot : reading.slots) {
      if (slot.HasWorker() && slot.threads > 0)
        out.Sample(slot.*value, {{"pool", slot.pool}, {"slot", slot.name}});
    }
  };
  gauge("preforkd_application_threads", "Application threads of the worker.", &SlotReading::threads);
  gauge("preforkd_application_threads_busy", "Application threads that serve a request now.",
        &SlotReading::threads_busy);
  gauge("preforkd_requests_waiting", "Complete requests in the worker that wait for an application thread.",
        &SlotReading::requests_waiting);
}

void RenderListeners(Exposition& out, const Scoreboard& scoreboard) {
  const MasterPage& master = scoreboard.Master();
  out.Counter("preforkd_connections_accepted_total", "Connections accepted, by listener.");
  for (const ListenerRow& row : scoreboard.Listeners()) {
    const std::string address = row.address.Read();
    if (!address.empty()) out.Sample(Get(row.accepted), {{"listener", address}});
  }
  out.Gauge("preforkd_accept_paused",
            "1 while accepting is paused: every slot is full, or no file descriptor is free.");
  for (const ListenerRow& row : scoreboard.Listeners()) {
    if (!row.used.load(std::memory_order_relaxed)) continue;
    out.Sample(std::uint64_t{row.paused.load(std::memory_order_relaxed)}, {{"listener", row.address.Read()}});
  }
  out.Counter("preforkd_accept_errors_total", "Failures of accept4(2), by errno.");
  Samples(out, master.accept_errors, "errno", AcceptErrnoName);
}

void RenderBounds(Exposition& out, const ClientRates& clients) {
  out.Counter("preforkd_clients_bounded_total",
              "Connections and requests refused because their client's address met a bound, by bound.");
  for (std::size_t i = 0; i < kBounds; ++i)
    out.Sample(clients.met[i].load(std::memory_order_relaxed), {{"bound", BoundName(static_cast<Bound>(i))}});
}

void RenderConnections(Exposition& out, const Reading& reading) {
  out.Gauge("preforkd_connections", "Open connections of the worker.");
  for (const SlotReading& slot : reading.slots) {
    if (slot.HasWorker()) out.Sample(slot.connections, {{"pool", slot.pool}, {"slot", slot.name}});
  }
  out.Gauge("preforkd_connections_parked", "Idle connections that the master holds.");
  out.Sample(reading.totals.account.parked);
  out.Counter("preforkd_connections_finished_total", "Connections that ended normally, or were evicted.");
  out.Sample(reading.totals.account.finished);
  out.Counter(
      "preforkd_connections_evicted_total",
      "Idle connections closed for lack of room (parking.max, file descriptors); also counted as finished.");
  out.Sample(reading.totals.account.evicted);
  out.Counter("preforkd_connections_lost_total",
              "Connections that ended without their response because of the server.");
  for (std::size_t i = 0; i < kLossReasons; ++i) {
    out.Sample(reading.totals.account.lost_by[i], {{"reason", LossReasonName(static_cast<LossReason>(i))}});
  }
}

void RenderWaits(Exposition& out, const Totals& totals) {
  out.Histogram("preforkd_dispatch_wait_seconds",
                "Wait of new connections, from accept until a worker took them.");
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < totals.waits.size(); ++i) {
    sum += totals.waits[i];
    const bool last = i == WaitHistogram::kBounds.size();
    out.Sample(sum, {{"le", last ? "+Inf" : fmt::format("{}", ToSeconds(WaitHistogram::kBounds[i]))}},
               "_bucket");
  }
  out.Sample(ToSeconds(totals.waits_ns), {}, "_sum");
  out.Sample(sum, {}, "_count");
}

void RenderTravel(Exposition& out, const MasterPage& master, const Reading& reading) {
  out.Counter("preforkd_handovers_total", "Connections passed between master and workers.");
  for (std::size_t i = 0; i < kHandOverReasons; ++i) {
    const auto reason = static_cast<HandOverReason>(i);
    out.Sample(Get(master.handed_over[reason]),
               {{"direction", "to_worker"}, {"reason", HandOverReasonName(reason)}});
  }
  for (std::size_t i = 0; i < kReturnReasons; ++i) {
    const auto reason = static_cast<ReturnReason>(i);
    out.Sample(Get(master.handed_back[reason]),
               {{"direction", "to_master"}, {"reason", ReturnReasonName(reason)}});
  }
  out.Counter("preforkd_handover_retries_total", "Hand-overs that had to be retried, by what was full.");
  out.Sample(Get(master.channel_full), {{"reason", "channel"}});
  out.Sample(Get(master.too_many_in_flight), {{"reason", "descriptors_in_flight"}});
  out.Counter("preforkd_reclaimed_total",
              "Connections that a worker had not taken and the master took back.");
  out.Sample(Get(master.reclaimed));
  out.Gauge("preforkd_dispatch_queue_length", "Connections handed over to the worker and not yet taken.");
  for (const SlotReading& slot : reading.slots) {
    if (slot.HasWorker()) out.Sample(slot.queued, {{"pool", slot.pool}, {"slot", slot.name}});
  }
  RenderWaits(out, reading.totals);
}

void RenderTls(Exposition& out, const Totals& totals) {
  out.Counter("preforkd_tls_handshakes_total", "TLS handshakes by result, and by version if they succeeded.");
  for (std::size_t i = 0; i < kHandshakeEnds; ++i) {
    const auto end = static_cast<HandshakeEnd>(i);
    out.Sample(totals.handshakes[i],
               {{"result", HandshakeResultName(end)}, {"version", HandshakeVersionName(end)}});
  }
  out.Counter("preforkd_tls_resumptions_total", "TLS handshakes that resumed an earlier session.");
  out.Sample(totals.resumptions);
}

void RenderTraffic(Exposition& out, const Reading& reading) {
  out.Counter("preforkd_requests_total", "Requests of all workers that the slot has had.");
  for (const SlotReading& slot : reading.slots)
    out.Sample(slot.requests, {{"pool", slot.pool}, {"slot", slot.name}});
  out.Counter("preforkd_received_bytes_total",
              "Bytes received from clients by all workers that the slot has had.");
  for (const SlotReading& slot : reading.slots)
    out.Sample(slot.bytes_in, {{"pool", slot.pool}, {"slot", slot.name}});
  out.Counter("preforkd_sent_bytes_total", "Bytes sent to clients by all workers that the slot has had.");
  for (const SlotReading& slot : reading.slots)
    out.Sample(slot.bytes_out, {{"pool", slot.pool}, {"slot", slot.name}});
}

// One family for each name; several services may have a counter of that name.
void RenderModules(Exposition& out, const Scoreboard& scoreboard, const std::vector<std::uint64_t>& counts) {
  struct Family {
    std::string help;
    std::vector<std::pair<std::string, std::uint64_t>> samples;  // service, count
  };
  std::map<std::string, Family> families;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const ModuleCounterRow& row = scoreboard.ModuleCounterRows()[i];
    Family& family = families[fmt::format("preforkd_module_{}_total", row.name.Read())];
    if (family.help.empty()) family.help = row.help.Read();
    family.samples.emplace_back(row.service.Read(), counts[i]);
  }
  for (const auto& [name, family] : families) {
    out.Counter(name, family.help.empty() ? "A counter of a module." : std::string_view(family.help));
    for (const auto& [service, count] : family.samples) out.Sample(count, {{"service", service}});
  }
}

void RenderMaster(Exposition& out, const MasterPage& master) {
  out.Counter("preforkd_log_lines_dropped_total", "Log lines that could not be written, by log.");
  out.Sample(Get(master.log_lines_dropped), {{"log", "server"}});
  out.Sample(Get(master.access_lines_dropped), {{"log", "access"}});
  // The names that Prometheus' own clients use.
  const MasterUse& use = master.use;
  out.Counter("process_cpu_seconds_total", "CPU time of the master.");
  out.Sample(ToSeconds(Get(use.cpu_ns)));
  out.Gauge("process_resident_memory_bytes", "Resident memory of the master.");
  out.Sample(Get(use.rss_bytes));
  out.Gauge("process_virtual_memory_bytes", "Address space of the master.");
  out.Sample(Get(use.virtual_bytes));
  out.Gauge("process_open_fds", "File descriptors that the master has open; each parked connection is one.");
  out.Sample(Get(use.descriptors));
  out.Gauge("process_max_fds", "Maximum of file descriptors of the master.");
  out.Sample(Get(use.max_descriptors));
  out.Gauge("process_start_time_seconds", "When the master started, in seconds since 1970.");
  out.Sample(ToSeconds(Get(master.started_unix_ns)));
}

// Calls `use` with each certificate and its labels. The label `name` is the first of the names: a certificate
// may have hundreds.
template <typename Use>
void ForEachCertificate(const AllCertificateFacts* certificates, Use use) {
  if (certificates == nullptr) return;
  std::set<std::pair<std::string_view, std::string_view>> shown;  // the same may be configured twice
  for (const CertificateFacts& each : *certificates) {
    const std::string_view name = each.names.empty() ? std::string_view(each.subject) : each.names.front();
    if (shown.emplace(each.chain, name).second) use(each, name);
  }
}

std::uint64_t Seconds(std::int64_t since_1970) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(since_1970, 0));
}

void RenderCertificates(Exposition& out, const AllCertificateFacts* certificates) {
  out.Gauge("preforkd_certificate_not_after_seconds",
            "When the certificate, or the one of its chain that ends first, expires, in seconds since 1970.");
  ForEachCertificate(certificates, [&out](const CertificateFacts& each, std::string_view name) {
    out.Sample(Seconds(each.not_after), {{"chain", each.chain}, {"name", name}});
  });
  out.Gauge("preforkd_certificate_staple_ends_seconds",
            "When the OCSP response of the certificate expires and is not sent any more, in seconds since "
            "1970; 0: it says that the certificate was revoked. Only of certificates with a response.");
  ForEachCertificate(certificates, [&out](const CertificateFacts& each, std::string_view name) {
    if (each.staple.empty()) return;
    out.Sample(Seconds(each.staple_ends), {{"chain", each.chain}, {"name", name}});
  });
}

}  // namespace

std::string RenderMetrics(const Scoreboard& scoreboard, Time now, const AllCertificateFacts* certificates) {
  const MasterPage& master = scoreboard.Master();
  const Reading reading = Read(scoreboard);
  Exposition out;
  RenderServer(out, master);
  RenderPools(out, reading.pools);
  RenderWorkers(out, master, reading, now);
  RenderThreads(out, reading);
  RenderListeners(out, scoreboard);
  RenderBounds(out, scoreboard.Clients().rates);
  RenderConnections(out, reading);
  RenderTravel(out, master, reading);
  RenderTls(out, reading.totals);
  RenderTraffic(out, reading);
  RenderModules(out, scoreboard, reading.module_counts);
  RenderCertificates(out, certificates);
  RenderMaster(out, master);
  return out.Take();
}

}  // namespace preforkd
