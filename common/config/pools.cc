// ReadPools and CheckPools. The top-level keys are the main pool's, and what every other pool begins with,
// but for the number of workers.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>

#include "common/base/accounts.h"
#include "common/base/syslog_name.h"
#include "common/config/draft.h"
#include "common/config/units.h"
#include "common/text/quote.h"

namespace preforkd {
namespace {

constexpr std::uint32_t kMaxWithExtras = 512;  // two generations of them fit the scoreboard
// The number of descriptors, and the address space, without which no worker starts.
constexpr std::uint64_t kFewestFiles = 64;
constexpr std::uint64_t kLeastAddressSpace = std::uint64_t{128} << 20;

bool IsCount(std::string_view key) {
  return key == "workers" || key == "workers_max";
}

bool HasService(const Config& config, std::string_view pool) {
  return std::any_of(config.services.begin(), config.services.end(),
                     [&](const ServiceConfig& service) { return service.pool == pool; });
}

// Else a service is meant for one of them under another name, and that is the mistake to report.
bool AllPoolsAreKnown(const Config& config) {
  return std::all_of(config.services.begin(), config.services.end(), [&](const ServiceConfig& service) {
    return std::any_of(config.pools.begin(), config.pools.end(),
                       [&](const PoolConfig& pool) { return pool.name == service.pool; });
  });
}

// Of the main pool: the top-level entry that wins over `entry`, as --user does over a [pool.main] of the
// file.
const Entry* Stronger(const Entry& entry, const Key<PoolConfig>& key, const Draft& draft) {
  const Entry* top = key.top.empty() ? nullptr : draft.top.Find(key.top);
  return top != nullptr && top->strength > entry.strength ? top : nullptr;
}

void RefuseTwice(const DraftSection& section, const Entry& entry, const Key<PoolConfig>& key, Draft& draft) {
  const Entry* top = draft.top.Find(key.top);
  if (!IsCount(entry.key) || top == nullptr || top->strength != entry.strength) return;
  draft.problems.Add(entry.origin, fmt::format("{}{}: '{}' sets the same, at {}; write one of the two",
                                               section.path, entry.key, key.top, top->origin.Text()));
}

void ReadPool(DraftSection& section, Draft& draft, PoolConfig& pool) {
  pool.name = section.name;
  for (Entry& entry : section.entries) {
    const Key<PoolConfig>* key = FindKey(PoolKeys(), entry.key);
    if (key == nullptr) {
      UnknownKey(section, entry, KeyNames(PoolKeys()), draft);
      continue;
    }
    const std::optional<SettingValue> value = ReadEntry(key->setting, section, entry, draft);
    if (section.name == kMainPoolName) RefuseTwice(section, entry, *key, draft);
    const bool loses = section.name == kMainPoolName && Stronger(entry, *key, draft) != nullptr;
    if (value && !loses) key->set(*value, pool);
  }
}

// ---- checks of one pool ----

class PoolCheck {
 public:
  PoolCheck(const Config& config, const PoolConfig& pool, Draft& draft)
      : config_(config), pool_(pool), draft_(draft), section_(draft.FindPool(pool.name)) {}

  void Run() {
    if (pool_.kind != PoolKind::kServices) Complain("kind", "'tls' is not available yet; write 'services'");
    CheckWorkers();
    CheckBackoff();
    const Status user = pool_.user.empty() ? Status() : StatusOf(UserNumber(pool_.user));
    if (!user.Ok()) Complain("user", user.Err().text);
    const Status group = pool_.group.empty() ? Status() : StatusOf(GroupNumber(pool_.group));
    if (!group.Ok()) Complain("group", group.Err().text);
    CheckLimits();
    if (!pool_.worker.chroot.empty()) CheckRoot();
  }

  // Where the pool's value comes from: its own section, or the top-level keys.
  struct Place {
    std::string name;
    const Entry* entry;  // nullptr: it is the default
    bool sound;
  };
  [[nodiscard]] Place PlaceOf(std::string_view name) const {
    const Key<PoolConfig>& key = *FindKey(PoolKeys(), name);
    const Entry* own = section_ != nullptr ? section_->Find(name) : nullptr;
    const bool main = pool_.name == kMainPoolName;
    if (own != nullptr && !(main && Stronger(*own, key, draft_) != nullptr)) {
      return {section_->path + own->key, own, section_->IsSound(name)};
    }
    if (key.top.empty() || (IsCount(name) && !main))
      return {fmt::format("pool.{}.{}", pool_.name, name), nullptr, true};
    return {key.top, draft_.top.Find(key.top), draft_.top.IsSound(key.top)};
  }

  // At the key `name`, or where that is not set at `other`.
  void Complain(std::string_view name, const std::string& text, std::string_view other = {}) {
    const Place place = PlaceOf(name);
    const Entry* entry = place.entry != nullptr || other.empty() ? place.entry : PlaceOf(other).entry;
    const Origin& nowhere = section_ != nullptr ? section_->origin : draft_.top.origin;
    draft_.problems.Add(entry != nullptr ? entry->origin : nowhere, fmt::format("{}: {}", place.name, text));
  }

 private:
  void CheckWorkers() {
    if (pool_.workers == 0 || pool_.workers_max == 0 || pool_.workers_max >= pool_.workers) return;
    Complain("workers_max",
             fmt::format("{} is less than workers = {}; write at least that, or \"auto\"", pool_.workers_max,
                         pool_.workers),
             "workers");
  }

  void CheckBackoff() {
    const SupervisionConfig& supervision = pool_.supervision;
    if (supervision.backoff_min <= supervision.backoff_max) return;
    if (!PlaceOf("backoff_min").sound || !PlaceOf("backoff_max").sound) return;
    Complain("backoff_min",
             fmt::format("{} is more than backoff_max = {}; write at most that",
                         FormatDuration(supervision.backoff_min), FormatDuration(supervision.backoff_max)),
             "backoff_max");
  }

  void CheckLimits() {
    const WorkerConfig& worker = pool_.worker;
    if (worker.max_files != 0 && worker.max_files < kFewestFiles) {
      Complain("max_files",
               fmt::format("{} is too few; write {} at least, or 0", worker.max_files, kFewestFiles));
    }
    if (worker.max_address_space != 0 && worker.max_address_space < kLeastAddressSpace) {
      Complain("max_address_space",
               fmt::format("{} is too little; write {} at least, or \"0\"",
                           FormatSize(worker.max_address_space), FormatSize(kLeastAddressSpace)));
    }
  }

  void CheckRoot() {
    const std::string& chroot = pool_.worker.chroot;
    if (const Status status = CheckFolder(chroot); !status.Ok()) Complain("chroot", status.Err().text);
    const std::string inside = chroot + config_.log.syslog_socket;
    if (!log::MeansSyslog(config_.log.file) || ::access(inside.c_str(), F_OK) == 0) return;
    Complain(
        "chroot",
        fmt::format("workers look for {} inside, and {} is not there; let syslog listen there too, or write "
                    "another log.file",
                    Quoted(config_.log.syslog_socket), Quoted(inside)));
  }

  const Config& config_;
  const PoolConfig& pool_;
  Draft& draft_;
  const DraftSection* section_;
};

// Of all pools together; what is "auto" counts as one.
void CheckTotal(const Config& config, const std::string& key, std::uint32_t limit, Draft& draft) {
  std::uint32_t total = 0;
  std::string terms;
  for (const PoolConfig& pool : config.pools) {
    const std::uint32_t count = std::max({key == "workers" ? 0 : pool.workers_max, pool.workers, 1U});
    const Entry* entry = PoolCheck(config, pool, draft).PlaceOf(key).entry;
    total += count;
    terms += fmt::format("{}{} in {}{}", terms.empty() ? "" : ", ", count, pool.name,
                         entry != nullptr ? " at " + entry->origin.Text() : "");
  }
  if (total <= limit) return;
  PoolCheck(config, config.pools.back(), draft)
      .Complain(key, fmt::format("the pools have {} together ({}); {} at most", total, terms, limit));
}

}  // namespace

void ReadPools(Draft& draft, Config& config) {
  PoolConfig top;
  static_cast<PoolSettings&>(top) = config;
  config.pools.clear();
  PoolConfig main = top;
  for (DraftSection& section : draft.pools) {
    PoolConfig pool = top;
    if (section.name != kMainPoolName) pool.workers = pool.workers_max = 0;
    ReadPool(section, draft, pool);
    if (section.name == kMainPoolName) {
      main = pool;
    } else {
      config.pools.push_back(pool);
    }
  }
  static_cast<PoolSettings&>(config) = main;
  const bool others = std::any_of(config.pools.begin(), config.pools.end(),
                                  [&](const PoolConfig& pool) { return HasService(config, pool.name); });
  if (!others || HasService(config, kMainPoolName)) config.pools.insert(config.pools.begin(), main);
}

void CheckPools(const Config& config, Draft& draft) {
  if (config.pools.size() > kMaxPools) {
    return draft.problems.Add(draft.pools.back().origin,
                              fmt::format("there are more than {} pools", kMaxPools));
  }
  for (const DraftSection& section : draft.pools) {
    if (HasService(config, section.name) || !AllPoolsAreKnown(config)) continue;
    draft.problems.Add(section.origin,
                       fmt::format("[pool.{0}] has no service; write pool = \"{0}\" in a [service.NAME], "
                                   "or leave it out",
                                   section.name));
  }
  for (const char* key : {"workers", "workers_max"}) {
    const Entry* entry = draft.top.Find(key);
    if (entry == nullptr || config.pools.front().name == kMainPoolName) continue;
    draft.problems.Add(
        entry->origin,
        fmt::format("{0}: counts those of the pool main, which has no service; write pool.NAME.{0}", key));
  }
  for (const PoolConfig& pool : config.pools) PoolCheck(config, pool, draft).Run();
  if (config.pools.size() < 2) return;
  CheckTotal(config, "workers", kMaxWorkers, draft);
  CheckTotal(config, "workers_max", kMaxWithExtras, draft);
}

}  // namespace preforkd
