#include "master/dispatcher.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "common/base/log.h"
#include "common/base/sys_error.h"

namespace preforkd {
namespace {

// How soon to look for room again while parcels wait. Runs only then.
constexpr Duration kRetryInterval = std::chrono::milliseconds(2);
// Times a parcel is taken back from a stuck slot; then it goes where the queue is shortest, and stays.
constexpr std::uint32_t kMaxMoves = 3;

// The client's address without its port: all connections of one client are alike.
std::uint64_t ClientHash(const SocketAddress& peer) {
  std::string_view bytes;
  if (peer.Family() == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(peer.Get());
    bytes = {reinterpret_cast<const char*>(&v4->sin_addr), sizeof(v4->sin_addr)};
  } else if (peer.Family() == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(peer.Get());
    bytes = {reinterpret_cast<const char*>(&v6->sin6_addr), sizeof(v6->sin6_addr)};
  }
  return std::hash<std::string_view>{}(bytes);
}

HandOverReason ReasonOf(const Parcel& parcel) {
  if (parcel.reclaims > 0) return HandOverReason::kReclaimed;
  return parcel.journeys > 0 ? HandOverReason::kReturned : HandOverReason::kAccepted;
}

PulseReading ReadingOf(const SlotChannel& channel) {
  const WorkerRow& row = channel.Row();
  return PulseReading{row.Queued(), Get(row.taken), Get(row.callback_since_ns), Get(row.heartbeat_ns)};
}

}  // namespace

Dispatcher::Dispatcher(EventLoop& loop, MasterPage& page, Hooks hooks)
    : page_(page), hooks_(std::move(hooks)), timer_(loop, EventLoop::kPriorityControl, [this] { Flush(); }) {}

void Dispatcher::Configure(const DispatchConfig& config) {
  balancer_.SetPolicy(config.policy);
  bounds_ = Bounds{config.max_connections, config.max_queue};
  patience_ = config.reclaim_after;
}

void Dispatcher::StopDispatching() {
  stopping_ = true;
  Flush();
}

void Dispatcher::AddSlot(Slot slot, SlotChannel& channel) {
  RemoveSlot(slot);
  targets_.emplace_back(slot, channel);
}

void Dispatcher::RemoveSlot(Slot slot) {
  std::erase_if(targets_, [slot](const Target& target) { return target.slot == slot; });
  table_.clear();  // parallel to targets_
}

void Dispatcher::SubmitAccepted(Parcel parcel) {
  ++fresh_;  // counted as accepted and as waiting by the Flush
  waiting_.push_back(std::move(parcel));
}

void Dispatcher::Submit(Parcel parcel) {
  waiting_.push_back(std::move(parcel));
  Add(page_.waiting);
}

void Dispatcher::Flush() {
  Distribute();
  // Behind the change of the ledger: what is done about it may take a while (a fork).
  const Pressure pressure = CurrentPressure();
  if (pressure.waiting > 0 && pressure.ready > 0 && pressure.held_up == pressure.ready) hooks_.on_all_held_up();
}

void Dispatcher::Distribute() {
  const LedgerChange change(page_);
  Add(page_.accepted, std::exchange(fresh_, 0));
  if (stopping_) DropAll();
  in_flight_limit_ = false;
  const Time now = Now();
  ReclaimFromStuck(now);
  BuildTable(now);
  // Each round either sends everything that it assigned, or takes at least one slot out of the table.
  while (AssignWaiting() && !SendOutboxes(now)) {
  }
  UpdateCongestion();
  ArmTimer(now);
}

Pressure Dispatcher::CurrentPressure() const {
  Pressure pressure{static_cast<std::uint32_t>(targets_.size()), 0, 0, waiting_.size()};
  for (const Candidate& candidate : table_) {
    pressure.blocked += candidate.blocked ? 1U : 0U;
    pressure.held_up += candidate.held_up ? 1U : 0U;
    if (candidate.held_up) pressure.waiting += candidate.queued;
  }
  return pressure;
}

void Dispatcher::DropAll() {
  Add(page_.lost, waiting_.size());
  Add(page_.lost_by[static_cast<std::size_t>(LossReason::kStopped)], waiting_.size());
  for (const Parcel& parcel : waiting_) log::Debug(parcel.id, "closed: {}", LossReasonName(LossReason::kStopped));
  waiting_.clear();
}

// Only where load decides: a turn, or a client's own slot, is kept until the slot is stuck.
bool Dispatcher::SomebodyIdle() const {
  if (!balancer_.ByLoad()) return false;
  return std::any_of(targets_.begin(), targets_.end(), [this](const Target& target) {
    const WorkerRow& row = target.channel->Row();
    return Get(row.callback_since_ns) == 0 && row.Queued() == 0 && target.channel->Load() < bounds_.max_load;
  });
}

void Dispatcher::ReclaimFromStuck(Time now) {
  reclaimed_.clear();
  prefer_idle_ = SomebodyIdle();
  for (Target& target : targets_) {
    const PulseReading reading = ReadingOf(*target.channel);
    const bool stuck = target.pulse.Stuck(reading, patience_, now) && target.pulse.NextLook(reading, patience_);
    if (!stuck && !(prefer_idle_ && target.pulse.KeepsSomebodyWaiting(reading, patience_, now))) continue;
    const std::size_t count = target.channel->Reclaim(reclaimed_);
    Add(page_.reclaimed, count);
    if (count == 0) continue;
    for (const Parcel& parcel : std::span(reclaimed_).last(count)) {
      log::Debug(parcel.id, "reclaimed from slot={}: it is {}", Raw(target.slot), stuck ? "stuck" : "held up");
    }
    // Its queue is empty now: if it only was not let run, nothing would ever show that it is well again.
    if (reading.callback_since_ns == 0) target.channel->Nudge();
  }
  // They have waited longest: in front.
  for (auto parcel = reclaimed_.rbegin(); parcel != reclaimed_.rend(); ++parcel) {
    waiting_.push_front(std::move(*parcel));
  }
  reclaimed_.clear();
}

void Dispatcher::BuildTable(Time now) {
  table_.clear();
  for (Target& target : targets_) {
    const PulseReading reading = ReadingOf(*target.channel);
    Candidate candidate;
    candidate.slot = Raw(target.slot);
    candidate.load = target.channel->Load();
    candidate.queued = reading.queued;
    candidate.blocked = SlotPulse::Blocked(reading, patience_, now);
    candidate.held_up = SlotPulse::HeldUp(reading, patience_, now);
    candidate.stuck = target.pulse.Stuck(reading, patience_, now) || (prefer_idle_ && candidate.held_up);
    table_.push_back(candidate);
  }
}

std::optional<std::size_t> Dispatcher::ChooseFor(const Parcel& parcel) {
  const auto chosen = balancer_.Choose(table_, bounds_, ClientHash(parcel.peer));
  if (chosen || parcel.reclaims < kMaxMoves) return chosen;
  return Balancer::ShortestQueue(table_, bounds_);  // nobody is free: it has been moved often enough
}

// Puts waiting parcels into outboxes, oldest first, until no slot has room. False when nothing was assigned.
bool Dispatcher::AssignWaiting() {
  bool assigned = false;
  while (!waiting_.empty() && !in_flight_limit_) {
    const auto index = ChooseFor(waiting_.front());
    if (!index) break;
    targets_[*index].outbox.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
    ++table_[*index].load;
    ++table_[*index].queued;
    assigned = true;
  }
  return assigned;
}

// True when everything went. What did not go waits again, in front, in its order.
bool Dispatcher::SendOutboxes(Time now) {
  unsent_.clear();
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    if (!targets_[i].outbox.empty() && !SendOutbox(targets_[i], table_[i], now)) table_[i].full = true;
  }
  for (auto parcel = unsent_.rbegin(); parcel != unsent_.rend(); ++parcel) waiting_.push_front(std::move(*parcel));
  const bool all = unsent_.empty();
  unsent_.clear();
  return all;
}

// False when this slot takes no more in this flush.
bool Dispatcher::SendOutbox(Target& target, Candidate& candidate, Time now) {
  std::span<Parcel> rest(target.outbox);
  bool open = true;
  while (!rest.empty() && open) {
    const std::span<Parcel> batch = rest.first(std::min(rest.size(), kMaxBatch));
    for (const Parcel& parcel : batch) {  // before the worker can say that it has it
      log::Debug(parcel.id, "goes to slot={} inc={}", Raw(target.slot), Get(target.channel->Row().incarnation));
    }
    const SendResult result = target.channel->Send(batch);
    for (const Parcel& sent : rest.first(result.sent)) {
      target.pulse.Sent(now, sent.reclaims >= kMaxMoves);
      Add(page_.handed_over[ReasonOf(sent)]);
    }
    rest = rest.subspan(result.sent);
    switch (result.outcome) {
      case SendOutcome::kSent: break;
      case SendOutcome::kRefused:
        OnRefused(rest.front(), result.errnum);
        rest = rest.subspan(1);
        --candidate.load;
        open = false;
        break;
      case SendOutcome::kTooMany: ReportInFlight(); in_flight_limit_ = true; open = false; break;
      case SendOutcome::kFull: Add(page_.channel_full); [[fallthrough]];
      case SendOutcome::kGone: open = false; break;
    }
  }
  for (Parcel& parcel : rest) unsent_.push_back(std::move(parcel));
  target.outbox.clear();
  return open;
}

void Dispatcher::ReportInFlight() {
  Add(page_.too_many_in_flight);
  if (const auto held_back = log_limit_.Allow(Now())) {
    log::Warning("as many descriptors are in flight as RLIMIT_NOFILE lets this user have: the next ones wait ({} more "
                 "such lines held back)",
                 *held_back);
  }
}

// Another try may succeed, or another slot. If none does, it is lost, and said so.
void Dispatcher::OnRefused(Parcel& parcel, int errnum) {
  if (++parcel.reclaims < kMaxMoves) {
    unsent_.push_back(std::move(parcel));
    return;
  }
  Add(page_.lost);
  Add(page_.lost_by[static_cast<std::size_t>(LossReason::kRefused)]);
  if (const auto held_back = log_limit_.Allow(Now())) {
    log::Error(parcel.id, "closing: the connection cannot be handed over: {} ({} more such lines held back)",
               ErrnoText(errnum), *held_back);
  }
}

void Dispatcher::UpdateCongestion() {
  Set(page_.waiting, waiting_.size());
  const bool congested = !waiting_.empty();
  if (congested == congested_) return;
  congested_ = congested;
  hooks_.on_congestion(congested);
}

void Dispatcher::ArmTimer(Time now) {
  std::optional<Time> next;
  // With no slot at all there is nothing to look for: AddSlot brings the next Flush.
  if (!waiting_.empty() && !targets_.empty()) next = now + kRetryInterval;
  for (const Target& target : targets_) {
    const std::optional<Time> look = target.pulse.NextLook(ReadingOf(*target.channel), patience_);
    // A slot that is stuck already has nothing left to reclaim but what has just been tried.
    if (look) next = std::min(next.value_or(Time::max()), std::max(*look, now + kRetryInterval));
  }
  if (next) {
    timer_.SetAt(*next, now);
  } else {
    timer_.Cancel();
  }
}

}  // namespace preforkd
