#include "master/dispatch/dispatcher.h"

#include <algorithm>
#include <utility>

#include "common/base/log.h"
#include "common/base/sys_error.h"

namespace preforkd {
namespace {

// Interval between retries while parcels wait.
constexpr Duration kRetryInterval = std::chrono::milliseconds(2);

}  // namespace

Dispatcher::Dispatcher(EventLoop& loop, MasterPage& page, PoolRow& row, Ledger& ledger, Hooks hooks)
    : page_(page),
      row_(row),
      ledger_(ledger),
      hooks_(std::move(hooks)),
      slots_(page),
      stuck_(page, slots_),
      threads_(slots_),
      timer_(loop, EventLoop::kPriorityControl, [this] { Flush(); }) {}

void Dispatcher::Configure(const DispatchConfig& config, std::uint32_t cpus) {
  slots_.Configure(config);
  gather_.Configure(config, cpus);
}

void Dispatcher::AddSlot(Slot slot, SlotChannel& channel) {
  RemoveSlot(slot);
  slots_.Add(slot, channel);
}

void Dispatcher::RemoveSlot(Slot slot) {
  if (slots_.Remove(slot)) stuck_.Forget(slot);
}

void Dispatcher::SubmitAccepted(PackedParcel&& parcel) {
  ++fresh_;  // booked by the next Flush
  waiting_.PushBack(std::move(parcel));
}

void Dispatcher::Submit(PackedParcel&& parcel) { waiting_.PushBack(std::move(parcel)); }

void Dispatcher::Flush() {
  const Time now = Now();
  Distribute(now);
  // A parcel that waits behind a slow slot makes that slot a suspect, now or in the next Flush.
  const bool parcels_wait = !waiting_.Empty() || stuck_.Due(now);
  const bool requests_wait = threads_.Look(now);
  if ((parcels_wait || requests_wait) && slots_.AllSlow(now)) hooks_.on_all_slow();
  ArmTimer(now);
}

void Dispatcher::Distribute(Time now) {
  BookAccepted();
  slots_.BeginRound();
  in_flight_limit_ = false;
  stuck_.Check(waiting_, now);
  row_.gathers.store(gather_.Learn(slots_, now), std::memory_order_relaxed);
  if (!waiting_.Empty()) slots_.LearnLoads(now);
  // Each round either sends everything that it assigned, or excludes at least one slot.
  while (AssignWaiting(now) && !SendOutboxes(now)) {
  }
  UpdateCongestion();
}

void Dispatcher::BookAccepted() {
  if (fresh_ > 0) ledger_.Accepted(std::exchange(fresh_, 0));
}

void Dispatcher::GiveUpWaiting(LossReason reason) {
  BookAccepted();
  if (!waiting_.Empty()) ledger_.Lost(reason, waiting_.Size());
  const char* const why = LossReasonName(reason);
  while (!waiting_.Empty())
    log::Debug({log::kConnClosed, waiting_.PopFront().Id(), {{"why", why}}}, "closed: {}", why);
  UpdateCongestion();
}

void Dispatcher::TakeWaiting(const std::function<bool(const PackedParcel&)>& wanted,
                             std::vector<PackedParcel>& taken) {
  for (std::size_t left = waiting_.Size(); left > 0; --left) {
    PackedParcel parcel = waiting_.PopFront();
    if (wanted(parcel)) {
      taken.push_back(std::move(parcel));
    } else {
      waiting_.PushBack(std::move(parcel));
    }
  }
}

bool Dispatcher::AssignWaiting(Time now) {
  while (!waiting_.Empty() && !in_flight_limit_) {
    Target* const target = slots_.ChooseFor(waiting_.Front(), now);
    if (target == nullptr) break;
    if (target->outbox.empty()) picked_.push_back(target->slot);
    target->outbox.push_back(waiting_.PopFront());
    slots_.Assigned(*target);
  }
  return !picked_.empty();
}

bool Dispatcher::SendOutboxes(Time now) {
  unsent_.clear();
  for (const Slot slot : picked_) {
    Target& target = *slots_.Find(slot);
    if (!SendOutbox(target, now)) slots_.Full(target);
    stuck_.Given(target, now);
    threads_.Given(target, now);
  }
  picked_.clear();
  for (auto parcel = unsent_.rbegin(); parcel != unsent_.rend(); ++parcel)
    waiting_.PushFront(std::move(*parcel));
  const bool all = unsent_.empty();
  unsent_.clear();
  return all;
}

bool Dispatcher::SendOutbox(Target& target, Time now) {
  std::span<PackedParcel> rest(target.outbox);
  bool open = true;
  while (!rest.empty() && open) {
    const std::span<PackedParcel> batch = rest.first(std::min(rest.size(), kMaxBatch));
    // Logged before the worker can log that it took the connection.
    for (const PackedParcel& parcel : batch) {
      log::Debug({log::kConnDispatched,
                  parcel.Id(),
                  {{"to_slot", target.slot}, {"to_inc", Get(target.channel->Row().incarnation)}}},
                 "handed over to slot {}", Raw(target.slot));
    }
    const SendResult result = target.channel->Send(batch);
    for (const PackedParcel& sent : rest.first(result.sent))
      target.slot_activity.Sent(now, sent.Head().reclaims >= kMaxMoves);
    rest = rest.subspan(result.sent);
    switch (result.outcome) {
      case SendOutcome::kSent: break;
      case SendOutcome::kRefused:
        OnRefused(rest.front(), result.errnum);
        rest = rest.subspan(1);
        open = false;
        break;
      case SendOutcome::kTooMany:
        ReportInFlight();
        in_flight_limit_ = true;
        open = false;
        break;
      case SendOutcome::kFull: Add(page_.channel_full); [[fallthrough]];
      case SendOutcome::kGone: open = false; break;
    }
  }
  for (PackedParcel& parcel : rest) unsent_.push_back(std::move(parcel));
  target.outbox.clear();
  return open;
}

void Dispatcher::ReportInFlight() {
  Add(page_.too_many_in_flight);
  if (const auto held_back = log_limit_.Allow(Now())) {
    log::Warning({log::kDescriptorsInFlight, {{"suppressed", *held_back}}},
                 "too many file descriptors are in flight for this user (RLIMIT_NOFILE); connections wait");
  }
}

// A retry, or another slot, may succeed. If every attempt fails, the connection is counted as lost and
// logged.
void Dispatcher::OnRefused(PackedParcel& parcel, int errnum) {
  ParcelHead head = parcel.Head();
  ++head.reclaims;
  parcel.SetHead(head);
  if (head.reclaims < kMaxMoves) {
    unsent_.push_back(std::move(parcel));
    return;
  }
  ledger_.Lost(LossReason::kRefused);
  if (const auto held_back = log_limit_.Allow(Now())) {
    log::Error({log::kConnFailed, parcel.Id(), {{"cause", "handover"}, {"suppressed", *held_back}}},
               "closing: the connection cannot be handed over: {}", ErrnoText(errnum));
  }
}

void Dispatcher::UpdateCongestion() {
  Set(row_.queue_length, waiting_.Size());
  const bool congested = !waiting_.Empty();
  if (congested == congested_) return;
  congested_ = congested;
  hooks_.on_congestion(congested);
}

void Dispatcher::ArmTimer(Time now) {
  const Time soon = now + kRetryInterval;
  std::optional<Time> next = stuck_.Next(soon);
  // Without a ready slot there is nothing to retry: AddSlot is followed by a Flush.
  if (!waiting_.Empty() && slots_.Ready() > 0) next = soon;
  if (const auto look = threads_.Next(); look && (!next || *look < *next)) next = look;
  if (next) {
    timer_.SetAt(*next, now);
  } else {
    timer_.Cancel();
  }
}

}  // namespace preforkd
