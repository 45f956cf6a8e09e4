// The half of Dispatcher that looks at slots: what they have left untaken, and which of them may be chosen.
#include <netinet/in.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "common/base/log.h"
#include "master/dispatch/dispatcher.h"

namespace preforkd {
namespace {

// The client's address without its port: all connections of one client are alike. nullopt: it has none (a Unix socket).
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

PulseReading Dispatcher::ReadingOf(const SlotChannel& channel) {
  const WorkerRow& row = channel.Row();
  return PulseReading{row.Queued(), Get(row.taken), Get(row.callback_since_ns), Get(row.heartbeat_ns)};
}

Pressure Dispatcher::CurrentPressure() const {
  Pressure pressure{ready_, 0, 0, waiting_.Size()};
  const Time now = Now();
  for (const auto& target : targets_) {
    if (!target) continue;
    const PulseReading reading = ReadingOf(*target->channel);
    pressure.blocked += SlotPulse::Blocked(reading, patience_, now) ? 1U : 0U;
    if (!SlotPulse::HeldUp(reading, patience_, now)) continue;
    ++pressure.held_up;
    pressure.waiting += reading.queued;
  }
  return pressure;
}

// ---- what slots have not taken ----

bool Dispatcher::SomebodyIdle() const {
  return std::any_of(targets_.begin(), targets_.end(), [this](const auto& target) {
    if (!target) return false;
    const WorkerRow& row = target->channel->Row();
    return Get(row.callback_since_ns) == 0 && row.Queued() == 0 && target->channel->Load() < bounds_.max_load;
  });
}

bool Dispatcher::PreferIdle() {
  // Only where load decides: a turn, or a client's own slot, is kept until the slot is stuck.
  if (!prefer_idle_) prefer_idle_ = balancer_.ByLoad() && SomebodyIdle();
  return *prefer_idle_;
}

// And something waits. What waits behind a slot that is held up makes that one a suspect, or would in the next Flush.
bool Dispatcher::AllHeldUp(Time now) const {
  const bool somebody_waits = !waiting_.Empty() || !suspects_.empty() || (!looks_.empty() && looks_.front().at <= now);
  return somebody_waits && ready_ > 0 && std::all_of(targets_.begin(), targets_.end(), [&](const auto& target) {
    return !target || SlotPulse::HeldUp(ReadingOf(*target->channel), patience_, now);
  });
}

void Dispatcher::LookAtSuspects(Time now) {
  while (!looks_.empty() && looks_.front().at <= now) {
    std::pop_heap(looks_.begin(), looks_.end());
    const Slot slot = looks_.back().slot;
    looks_.pop_back();
    Find(slot)->watch = Watch::kSuspect;
    suspects_.push_back(slot);
  }
  if (suspects_.empty()) return;
  reclaimed_.clear();
  std::erase_if(suspects_, [&](Slot slot) { return !LookAt(*Find(slot), now); });
  // They have waited longest: in front.
  for (auto parcel = reclaimed_.rbegin(); parcel != reclaimed_.rend(); ++parcel) {
    waiting_.PushFront(std::move(*parcel));
  }
  reclaimed_.clear();
}

bool Dispatcher::LookAt(Target& target, Time now) {
  const PulseReading reading = ReadingOf(*target.channel);
  const bool stuck = target.pulse.Stuck(reading, patience_, now);  // forgets what it has taken by now
  if (WatchFor(target, now)) return false;
  if (!stuck && !(PreferIdle() && target.pulse.KeepsSomebodyWaiting(reading, patience_, now))) return true;
  ReclaimFrom(target, stuck, reading.callback_since_ns);
  (void)target.pulse.Stuck(ReadingOf(*target.channel), patience_, now);
  return !WatchFor(target, now);
}

void Dispatcher::ReclaimFrom(Target& target, bool stuck, std::uint64_t callback_since_ns) {
  const std::size_t count = target.channel->Reclaim(reclaimed_);
  if (count == 0) return;
  for (const PackedParcel& parcel : std::span(reclaimed_).last(count)) {
    log::Debug(parcel.Id(), "reclaimed from slot={}: it is {}", Raw(target.slot), stuck ? "stuck" : "held up");
  }
  // Its queue is empty now: if it only was not let run, nothing would ever show that it is well again.
  if (callback_since_ns == 0) target.channel->Nudge();
  page_.load_marks.Mark(target.slot);
}

bool Dispatcher::WatchFor(Target& target, Time now) {
  const std::optional<Time> look = target.pulse.NextLook(ReadingOf(*target.channel), patience_);
  if (look && *look <= now && target.watch == Watch::kSuspect) return false;
  target.watch = look ? Watch::kTimed : Watch::kNone;
  if (!look) return true;
  looks_.push_back(Look{*look, target.slot});
  std::push_heap(looks_.begin(), looks_.end());
  return true;
}

// ---- who may be chosen ----

void Dispatcher::LearnBriskness(Time now) {
  // Where all of them can run at once there is nothing to save.
  const bool worth_it = gathering_.depth > 0 && balancer_.ByLoad() && ready_ > gathering_.slots;
  if (worth_it && briskness_.Due(now)) briskness_.Look(CountCallbacks(now), now);
  const bool gathers = worth_it && briskness_.Brisk();
  balancer_.Gather(gathers ? gathering_ : Gathering{});
  page_.gathers.store(gathers, std::memory_order_relaxed);
}

CallbackSums Dispatcher::CountCallbacks(Time now) {
  CallbackSums more;
  // What a wild worker writes may be anything: no more than the time there was.
  const auto most_ns = static_cast<std::uint64_t>((now - std::exchange(counted_at_, now)).count());
  for (const auto& target : targets_) {
    if (!target) continue;
    const CallbackSums before = std::exchange(target->counted, CallbacksOf(target->channel->Row()));
    const CallbackSums& after = target->counted;
    if (after.callbacks < before.callbacks || after.busy_ns < before.busy_ns) continue;  // it began anew
    more.callbacks += after.callbacks - before.callbacks;
    more.busy_ns += std::min(after.busy_ns - before.busy_ns, most_ns);
  }
  return more;
}

void Dispatcher::LearnLoads(Time now) {
  for (const Slot slot : unmarked_) page_.load_marks.Mark(slot);
  page_.load_marks.Take(mine_, [this](Slot slot) {
    Target* const target = Find(slot);
    if (target == nullptr || !target->offered) return;
    target->seen.load = target->channel->Load();
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

void Dispatcher::Read(Target& target, Time now) {
  const PulseReading reading = ReadingOf(*target.channel);
  target.round = round_;
  target.seen.load = target.channel->Load() + target.outbox.size();
  target.seen.queued = reading.queued + target.outbox.size();
  target.seen.stuck = target.pulse.Stuck(reading, patience_, now) ||
                      (SlotPulse::HeldUp(reading, patience_, now) && PreferIdle());
}

void Dispatcher::Place(Target& target) {
  if (!HasRoom(target.seen, bounds_)) return Bench(target);
  target.offered = true;
  balancer_.Offer(Raw(target.slot), target.seen.load);
}

void Dispatcher::Bench(Target& target) {
  if (!std::exchange(target.offered, false)) return;
  balancer_.Withdraw(Raw(target.slot));
  benched_.push_back(target.slot);
}

Dispatcher::Target* Dispatcher::ChooseFor(const PackedParcel& parcel, Time now) {
  const std::optional<std::uint64_t> client = balancer_.ByClient() ? ClientHash(parcel.Peer()) : std::nullopt;
  while (const auto slot = balancer_.Choose(client)) {
    Target& target = *targets_[*slot];
    if (target.round == round_) {
      balancer_.Took(*slot);
      return &target;
    }
    // Chosen by what was known of it; what is true now may be that it is stuck.
    Read(target, now);
    Place(target);
  }
  return parcel.Head().reclaims < kMaxMoves ? nullptr : ShortestQueue(now);
}

Dispatcher::Target* Dispatcher::ShortestQueue(Time now) {
  Target* best = nullptr;
  for (const auto& target : targets_) {
    if (!target) continue;
    if (target->round != round_) Read(*target, now);
    if (target->seen.full || target->seen.queued >= bounds_.max_queue) continue;
    if (best == nullptr || target->seen.queued < best->seen.queued) best = target.get();
  }
  return best;
}

}  // namespace preforkd
