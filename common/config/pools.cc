// Pools: what a pool takes from the top level (ReadPools), and the problems of one pool and of all together
// (CheckPools). By then the sections hold the entries they take from the top level, so a problem is reported
// at the top-level key that caused it.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "common/base/syslog_name.h"
#include "common/config/draft.h"
#include "common/config/keys.h"
#include "common/text/quote.h"
#include "common/units/units.h"

namespace preforkd {
namespace {

// ---- reading ----

// The entries of the top level that pools have too, under their names in a pool.
std::vector<Entry> TopEntries(const DraftSection& top) {
  std::vector<Entry> from_top;
  for (const Entry& entry : top.entries) {
    for (const Key<PoolConfig>& key : PoolKeys()) {
      if (key.top.empty() || key.top != entry.key) continue;
      from_top.push_back(entry);
      from_top.back().key = key.setting.name;
    }
  }
  return from_top;
}

// The top level belongs to the main pool: --user wins over a [pool.main] of the file. In other pools the
// pool's own entry always wins.
void ApplyTop(const std::vector<Entry>& from_top, DraftSection& pool) {
  const bool main = pool.name == kMainPoolName;
  std::vector<Entry> entries;
  for (const Entry& entry : from_top) {
    const Entry* own = pool.Find(entry.key);
    const bool wins = own == nullptr || (main && entry.strength > own->strength);
    if (wins && (main || !IsWorkerCount(entry.key))) entries.push_back(entry);
  }
  entries.insert(entries.begin(), pool.entries.begin(), pool.entries.end());
  pool.entries = std::move(entries);
}

void RefuseTwice(const DraftSection& main, Draft& draft) {
  for (const Entry& entry : main.entries) {
    const Entry* top = draft.top.Find(entry.key);
    if (!IsWorkerCount(entry.key) || top == nullptr || top->strength != entry.strength) continue;
    draft.problems.Add(entry.origin, "{}: '{}' sets the same, at {}; write one of the two", entry.path,
                       top->key, top->origin.Text());
  }
}

PoolConfig ReadPool(DraftSection& section, Draft& draft) {
  PoolConfig pool;
  pool.name = section.name;
  ReadSection(section, PoolKeys(), draft, pool,
              [&](const Entry& entry) { UnknownKey(section, entry, KeyNames(PoolKeys()), draft); });
  return pool;
}

// Before the pool is read.
bool SaysTls(const DraftSection& pool) {
  const Entry* kind = pool.Find("kind");
  return kind != nullptr && kind->value.text == "tls";
}

// Adds the pool of gates if there is none. Two gates, so that one that crashes stops nobody. If the name is
// taken, CheckTls says so.
void AddGates(Draft& draft) {
  NamedSections& pools = draft.pools;
  if (std::any_of(pools.sections.begin(), pools.sections.end(), SaysTls) || pools.Find(kGatesName) != nullptr)
    return;
  DraftSection& gates = pools.Add(kGatesName, kByDefault);
  const std::pair<const char*, const char*> keys[] = {
      {"kind", "tls"}, {"workers", "2"}, {"workers_max", "2"}};
  for (const auto& [key, value] : keys)
    gates.Write(key, {Written::Kind::kWord, value}, kByDefault, Strength::kDefault);
}

// Gates that no listener needs would wait for ever.
void DropUnusedGates(Draft& draft, Config& config) {
  if (HasTlsListener(config)) return;
  std::erase_if(config.pools, [&](const PoolConfig& pool) {
    // The pool main, and one with a service, have problems that are reported later.
    if (pool.kind != PoolKind::kTls || pool.name == kMainPoolName || HasService(config, pool.name))
      return false;
    if (draft.replaced.empty()) {
      draft.warnings.Add(draft.pools.Find(pool.name)->OriginOf("kind"),
                         "[pool.{}] is not started: no [[listen]] has tls = true", pool.name);
    }
    return true;
  });
}

// ---- checks ----

constexpr std::uint32_t kMaxWithExtras = 512;  // two generations of them fit the scoreboard
// The minimum number of descriptors, and of address space, with which a worker can start.
constexpr std::uint64_t kFewestFiles = 64;
constexpr std::uint64_t kLeastAddressSpace = std::uint64_t{128} << 20;

// Two keys that do not fit each other: the problem is reported at `key`, or at `other` if only that one is
// set.
void ComplainOfPair(const DraftSection& section, const char* key, const char* other, const std::string& text,
                    Draft& draft) {
  if (section.Find(key) != nullptr) return draft.Complain(section, key, "{}", text);
  const std::string& top = FindKey(PoolKeys(), key)->top;
  const bool own = IsWorkerCount(key) && section.name != kMainPoolName;
  draft.problems.Add(section.OriginOf(other), "{}: {}", own ? section.path + key : top, text);
}

void CheckExtras(const PoolConfig& pool, const DraftSection& section, Draft& draft) {
  if (pool.workers == 0 || pool.workers_max == 0 || pool.workers_max >= pool.workers) return;
  ComplainOfPair(section, "workers_max", "workers",
                 fmt::format("{} is less than workers = {}; write at least that, or \"auto\"",
                             pool.workers_max, pool.workers),
                 draft);
}

void CheckBackoff(const PoolConfig& pool, const DraftSection& section, Draft& draft) {
  const SupervisionConfig& supervision = pool.supervision;
  if (supervision.backoff_min <= supervision.backoff_max) return;
  if (!section.IsSound("backoff_min") || !section.IsSound("backoff_max")) return;
  ComplainOfPair(
      section, "backoff_min", "backoff_max",
      fmt::format("{} is more than backoff_max = {}; write at most that",
                  FormatDuration(supervision.backoff_min), FormatDuration(supervision.backoff_max)),
      draft);
}

void CheckLimits(const WorkerConfig& worker, const DraftSection& section, Draft& draft) {
  if (worker.max_files != 0 && worker.max_files < kFewestFiles) {
    draft.Complain(section, "max_files", "{} is too few; write at least {}, or 0", worker.max_files,
                   kFewestFiles);
  }
  if (worker.max_address_space != 0 && worker.max_address_space < kLeastAddressSpace) {
    draft.Complain(section, "max_address_space", "{} is too little; write at least {}, or \"0\"",
                   FormatSize(worker.max_address_space), FormatSize(kLeastAddressSpace));
  }
}

void CheckRoot(const std::string& chroot, const LogConfig& log, const DraftSection& section, Draft& draft) {
  if (chroot.empty()) return;
  if (const Status status = CheckFolder(chroot); !status.Ok())
    draft.Complain(section, "chroot", "{}", status.Err().text);
  const std::string inside = chroot + log.syslog_socket;
  if (!log::MeansSyslog(log.file) || ::access(inside.c_str(), F_OK) == 0) return;
  draft.Complain(section, "chroot",
                 "workers look for {} inside, and {} is not there; let syslog listen there too, or write "
                 "another log.file",
                 Quoted(log.syslog_socket), Quoted(inside));
}

void CheckPool(const PoolConfig& pool, const LogConfig& log, Draft& draft) {
  const DraftSection& section = *draft.pools.Find(pool.name);
  CheckExtras(pool, section, draft);
  CheckBackoff(pool, section, draft);
  CheckAccounts(pool.user, pool.group, section, draft);
  CheckLimits(pool.worker, section, draft);
  CheckRoot(pool.worker.chroot, log, section, draft);
}

// Sums over all pools; "auto" counts as one.
void CheckTotal(const std::vector<PoolConfig>& pools, std::string_view key, std::uint32_t limit,
                Draft& draft) {
  std::uint32_t total = 0;
  std::string terms;
  for (const PoolConfig& pool : pools) {
    const std::uint32_t count = std::max({key == "workers" ? 0 : pool.workers_max, pool.workers, 1U});
    const Entry* entry = draft.pools.Find(pool.name)->Find(key);
    total += count;
    terms += fmt::format("{}{} in {}{}", terms.empty() ? "" : ", ", count, pool.name,
                         entry != nullptr ? " at " + entry->origin.Text() : "");
  }
  if (total <= limit) return;
  draft.Complain(*draft.pools.Find(pools.back().name), key,
                 "the pools have {} together ({}); the maximum is {}", total, terms, limit);
}

// A service of an unknown pool may be meant for the pool without services: then only that mistake is
// reported.
bool AllPoolsAreKnown(const Config& config) {
  return std::all_of(config.services.begin(), config.services.end(),
                     [&](const ServiceConfig& service) { return config.FindPool(service.pool) != nullptr; });
}

void CheckServices(const Config& config, Draft& draft) {
  const bool all_known = AllPoolsAreKnown(config);
  for (const DraftSection& section : draft.pools.sections) {
    const PoolConfig* pool = config.FindPool(section.name);
    const bool serves = pool != nullptr && pool->kind == PoolKind::kServices;
    if (!all_known || !serves || section.origin == kByDefault || HasService(config, section.name)) continue;
    draft.problems.Add(section.origin,
                       "[pool.{0}] has no service; write pool = \"{0}\" in a [service.NAME], "
                       "or leave it out",
                       section.name);
  }
  if (config.pools.front().name == kMainPoolName) return;
  for (const char* key : {"workers", "workers_max"}) {
    if (draft.top.Find(key) == nullptr) continue;
    draft.Complain(draft.top, key, "is the number of the pool main, which has no service; write pool.NAME.{}",
                   key);
  }
}

}  // namespace

void ReadPools(Draft& draft, Config& config) {
  if (HasTlsListener(config)) AddGates(draft);
  if (draft.pools.Find(kMainPoolName) == nullptr) draft.pools.Add(std::string(kMainPoolName), kByDefault);
  RefuseTwice(*draft.pools.Find(kMainPoolName), draft);
  const std::vector<Entry> from_top = TopEntries(draft.top);
  PoolConfig main;
  config.pools.clear();
  for (DraftSection& section : draft.pools.sections) {
    // More pools are refused later, and a file may have very many.
    if (config.pools.size() <= kMaxPools) ApplyTop(from_top, section);
    PoolConfig& pool = section.name == kMainPoolName ? main : config.pools.emplace_back();
    pool = ReadPool(section, draft);
    pool.supervision.stop_delay = config.supervision.stop_delay;
  }
  static_cast<PoolSettings&>(config) = main;
  const bool others = std::any_of(config.pools.begin(), config.pools.end(),
                                  [&](const PoolConfig& pool) { return HasService(config, pool.name); });
  if (!others || HasService(config, kMainPoolName)) config.pools.insert(config.pools.begin(), main);
  DropUnusedGates(draft, config);
}

void CheckPools(const Config& config, Draft& draft) {
  if (config.pools.size() > kMaxPools) {
    const DraftSection* last = draft.pools.Find(config.pools.back().name);
    return draft.problems.Add(last->origin, "there are more than {} pools", kMaxPools);
  }
  CheckServices(config, draft);
  for (const PoolConfig& pool : config.pools) CheckPool(pool, config.log, draft);
  if (config.pools.size() < 2) return;
  CheckTotal(config.pools, "workers", kMaxWorkers, draft);
  CheckTotal(config.pools, "workers_max", kMaxWithExtras, draft);
}

}  // namespace preforkd
