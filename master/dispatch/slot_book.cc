#include "master/dispatch/slot_book.h"

#include <netinet/in.h>

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>

#include "common/scoreboard/thread_gauge.h"

namespace preforkd {
namespace {

// Hashes the client's address without the port, so that all connections of a client match. nullopt: no
// address (Unix socket).
std::optional<std::uint64_t> ClientHash(const SocketAddress& peer) {
  std::string_view bytes;
  if (peer.Family() == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(peer.Get());
    bytes = {reinterpret_cast<const char*>(&v4->sin_addr), sizeof(v4->sin_addr)};
  } else if (peer.Family() == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(peer.Get());
    bytes = {reinterpret_cast<const char*>(&v6->sin6_addr), sizeof(v6->sin6_addr)};
  }
  if (bytes.empty()) return std::nullopt;
  return std::hash<std::string_view>{}(bytes);
}

}  // namespace

void SlotBook::Configure(const DispatchConfig& config) {
  balancer_.SetPolicy(config.policy);
  bounds_ = Bounds{config.max_connections, config.max_queue};
  timeout_ = config.reclaim_after;
  for (const auto& target : targets_) {
    if (target) Bench(*target);  // until it is read with the new bounds
  }
}

// ---- the slots ----

void SlotBook::Add(Slot slot, SlotChannel& channel) {
  if (targets_.size() <= Raw(slot)) targets_.resize(Raw(slot) + 1);
  targets_[Raw(slot)] = std::make_unique<Target>(slot, channel);
  ++ready_;
  if (targets_[Raw(slot)]->seen.threaded) ++threaded_;
  slots_.Add(slot);
  benched_.push_back(slot);
  if (channel.Restored()) unmarked_.push_back(slot);
}

bool SlotBook::Remove(Slot slot) {
  if (Find(slot) == nullptr) return false;
  if (Find(slot)->seen.threaded) --threaded_;
  targets_[Raw(slot)].reset();
  --ready_;
  slots_.Remove(slot);
  balancer_.Withdraw(Raw(slot));
  std::erase(benched_, slot);
  std::erase(unmarked_, slot);
  return true;
}

Target* SlotBook::Find(Slot slot) const {
  return Raw(slot) < targets_.size() ? targets_[Raw(slot)].get() : nullptr;
}

// ---- their loads ----

void SlotBook::BeginRound() {
  ++round_;
  prefer_idle_.reset();
}

void SlotBook::LearnLoads(Time now) {
  for (const Slot slot : unmarked_) page_.load_marks.Mark(slot);
  page_.load_marks.Take(slots_, [this](Slot slot) {
    Target* const target = Find(slot);
    if (target == nullptr || !target->offered) return;
    ReadLoad(*target);
    Place(*target);
  });
  scratch_.clear();
  scratch_.swap(benched_);
  for (const Slot slot : scratch_) {
    Target& target = *Find(slot);
    target.seen.full = false;
    Read(target, now);
    if (HasRoom(target.seen, bounds_)) {
      Place(target);
    } else {
      benched_.push_back(slot);
    }
  }
}

void SlotBook::ReadLoad(Target& target) {
  const WorkerRow& row = target.channel->Row();
  target.seen.load = row.InProgress() + target.outbox.size();
  if (target.seen.threaded) target.seen.free_threads = Difference(FreeThreads(row), target.outbox.size());
}

void SlotBook::Read(Target& target, Time now) {
  const ActivityReading reading = target.Reading();
  target.round = round_;
  ReadLoad(target);
  target.seen.queued = reading.queued + target.outbox.size();
  target.seen.stuck = target.slot_activity.Stuck(reading, timeout_, now) ||
                      (SlotActivity::Slow(reading, timeout_, now) && PreferIdle());
}

void SlotBook::Place(Target& target) {
  if (!HasRoom(target.seen, bounds_)) return Bench(target);
  target.offered = true;
  balancer_.Offer(Raw(target.slot), target.seen.load, IsLastResort(target.seen));
}

void SlotBook::Bench(Target& target) {
  if (!std::exchange(target.offered, false)) return;
  balancer_.Withdraw(Raw(target.slot));
  benched_.push_back(target.slot);
}

void SlotBook::Assigned(Target& target) {
  CountAssigned(target.seen);
  if (target.offered) Place(target);
}

void SlotBook::Full(Target& target) {
  target.seen.full = true;
  Bench(target);
}

// ---- the choice ----

Target* SlotBook::ChooseFor(const PackedParcel& parcel, Time now, bool for_thread) {
  const std::optional<std::uint64_t> client = balancer_.ByClient() ? ClientHash(parcel.Peer()) : std::nullopt;
  while (const auto slot = balancer_.Choose(client)) {
    Target& target = *targets_[*slot];
    if (target.round == round_) {
      // It sorts behind all slots that have a free thread.
      if (for_thread && IsLastResort(target.seen)) return nullptr;
      balancer_.Took(*slot);
      return &target;
    }
    // Chosen by older readings: read it again, it may be stuck by now.
    Read(target, now);
    Place(target);
  }
  return for_thread || parcel.Head().reclaims < kMaxMoves ? nullptr : ShortestQueue(now);
}

Target* SlotBook::ShortestQueue(Time now) {
  Target* best = nullptr;
  for (const auto& target : targets_) {
    if (!target) continue;
    if (target->round != round_) Read(*target, now);
    if (target->seen.full || target->seen.queued >= bounds_.max_queue) continue;
    if (best == nullptr || target->seen.queued < best->seen.queued) best = target.get();
  }
  return best;
}

bool SlotBook::PreferIdle() {
  // Only for least-connections: round-robin and client-hash keep to their slot until it is stuck.
  if (!prefer_idle_) prefer_idle_ = balancer_.ByLoad() && AnyIdle();
  return *prefer_idle_;
}

bool SlotBook::AnyIdle() const {
  return std::any_of(targets_.begin(), targets_.end(), [this](const auto& target) {
    if (!target) return false;
    const WorkerRow& row = target->channel->Row();
    if (target->seen.threaded && FreeThreads(row) == 0) return false;
    return Get(row.callback_since_ns) == 0 && row.Queued() == 0 && row.InProgress() < bounds_.max_load;
  });
}

// ---- pressure ----

bool SlotBook::AllSlow(Time now) const {
  return ready_ > 0 && std::all_of(targets_.begin(), targets_.end(), [&](const auto& target) {
           return !target || SlotActivity::OccupiedEarly(target->Reading(), timeout_, now);
         });
}

Pressure SlotBook::CurrentPressure(std::size_t waiting, Time now) const {
  Pressure pressure{ready_, 0, 0, waiting};
  for (const auto& target : targets_) {
    if (!target) continue;
    const ActivityReading reading = target->Reading();
    pressure.waiting += target->RequestsWaiting();
    pressure.blocked += SlotActivity::Occupied(reading, timeout_, now) ? 1U : 0U;
    if (!SlotActivity::OccupiedEarly(reading, timeout_, now)) continue;
    ++pressure.slow;
    pressure.waiting += reading.queued;
  }
  return pressure;
}

}  // namespace preforkd
