#include "master/dispatch/dispatcher.h"

#include <algorithm>
#include <atomic>
#include <span>
#include <utility>

#include "common/base/log.h"
#include "common/base/sys_error.h"

namespace preforkd {
namespace {

// Interval between retries while parcels wait.
constexpr Duration kRetryInterval = std::chrono::milliseconds(2);
// The same while they wait for an application thread: workers tell when one is free, unless the message
// cannot be sent.
constexpr Duration kThreadRetryInterval = std::chrono::milliseconds(10);

// By client address, before they are sent. Behind a proxy the worker notes who the client is when it has read
// that. A worker of the previous program does not tell when a connection ends, so what it has is not counted
// until it comes back.
void CountClients(Ledger& ledger, std::span<const PackedParcel> parcels, const Target& target) {
  for (const PackedParcel& parcel : parcels) {
    if (target.channel->Restored()) {
      ledger.ClientEnded(parcel.Id());
    } else if (parcel.Head().proxy_header_due != 0) {
      ledger.HiddenGiven(parcel.Id(), target.slot);
    } else {
      ledger.ClientGiven(parcel.Id(), target.slot, [&] { return parcel.Peer(); });
    }
  }
}

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
  const bool parcels_wait = Waiting() > 0 || stuck_.Due(now);
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
  HandOverWaiting(now);
  // A thread that became free before its worker could see that a request waits: nobody tells of it.
  if (ShowThreadQueue()) {
    HandOverWaiting(now);
    ShowThreadQueue();
  }
  UpdateCongestion();
}

void Dispatcher::HandOverWaiting(Time now) {
  if (Waiting() > 0) slots_.LearnLoads(now);
  // Each round either sends everything that it assigned, or excludes at least one slot.
  while (AssignWaiting(now) && !SendOutboxes(now)) {
  }
}

bool Dispatcher::ShowThreadQueue() {
  const bool before = Get(row_.thread_queue) > 0;
  Set(row_.thread_queue, for_thread_.Size());
  const std::int64_t since = for_thread_.Empty() ? 0 : ToNanoseconds(for_thread_.FirstSince());
  Set(row_.thread_queue_since_ns, static_cast<std::uint64_t>(since));
  if (before || for_thread_.Empty()) return false;
  // With the one in BlockingModule::TellFreeThread: either the worker sees the queue, or we its free thread.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return true;
}

void Dispatcher::BookAccepted() {
  if (fresh_ > 0) ledger_.Accepted(std::exchange(fresh_, 0));
}

void Dispatcher::GiveUpWaiting(LossReason reason) {
  BookAccepted();
  while (!for_thread_.Empty()) waiting_.PushBack(for_thread_.TakeFirst());
  ShowThreadQueue();
  if (!waiting_.Empty()) ledger_.Lost(reason, waiting_.Size());
  const char* const why = LossReasonName(reason);
  while (!waiting_.Empty()) {
    const ConnId id = waiting_.PopFront().Id();
    ledger_.ClientEnded(id);
    log::Debug({log::kConnClosed, id, {{"why", why}}}, "closed: {}", why);
  }
  UpdateCongestion();
}

void Dispatcher::TakeWaiting(const std::function<bool(const PackedParcel&)>& wanted,
                             std::vector<PackedParcel>& taken) {
  for_thread_.Take(wanted, taken);
  for (std::size_t left = waiting_.Size(); left > 0; --left) {
    PackedParcel parcel = waiting_.PopFront();
    if (wanted(parcel)) {
      taken.push_back(std::move(parcel));
    } else {
      waiting_.PushBack(std::move(parcel));
    }
  }
}

void Dispatcher::ForEachWaiting(const std::function<void(const PackedParcel&)>& visit) const {
  for (std::size_t i = 0; i < waiting_.Size(); ++i) visit(waiting_[i]);
  for_thread_.ForEach(visit);
}

bool Dispatcher::AssignWaiting(Time now) {
  AssignForThread(now);
  while (!waiting_.Empty() && !in_flight_limit_) {
    Target* const target = slots_.ChooseFor(waiting_.Front(), now);
    if (target == nullptr) break;
    Assign(*target, waiting_.PopFront());
  }
  return !picked_.empty();
}

// With client-hash only one slot would do, and its worker keeps what waits for its threads; some wait here
// after a reload that has changed the policy.
void Dispatcher::AssignForThread(Time now) {
  const bool may_wait = patient_ && !slots_.ByClient();
  while (!for_thread_.Empty() && !in_flight_limit_) {
    Target* const target = slots_.ChooseFor(for_thread_.First(), now, may_wait && !for_thread_.Overdue(now));
    if (target == nullptr) break;
    Assign(*target, for_thread_.TakeFirst());
  }
}

void Dispatcher::Assign(Target& target, PackedParcel parcel) {
  if (target.outbox.empty()) picked_.push_back(target.slot);
  target.outbox.push_back(std::move(parcel));
  slots_.Assigned(target);
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
    CountClients(ledger_, batch, target);
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
  CountReclaim(head);
  parcel.SetHead(head);
  if (head.reclaims < kMaxMoves) {
    unsent_.push_back(std::move(parcel));
    return;
  }
  ledger_.Lost(LossReason::kRefused);
  ledger_.ClientEnded(parcel.Id());
  if (const auto held_back = log_limit_.Allow(Now())) {
    log::Error({log::kConnFailed, parcel.Id(), {{"cause", "handover"}, {"suppressed", *held_back}}},
               "closing: the connection cannot be handed over: {}", ErrnoText(errnum));
  }
}

void Dispatcher::UpdateCongestion() {
  Set(row_.queue_length, Waiting());
  // What waits for a thread does not stop new clients: they would never be served beside those that keep
  // their connections. At the bound the workers would have been full, too.
  const bool congested =
      !waiting_.Empty() || (!for_thread_.Empty() && (!patient_ || for_thread_.Size() >= slots_.MaxLoad()));
  if (congested == congested_) return;
  congested_ = congested;
  hooks_.on_congestion(congested);
}

void Dispatcher::ArmTimer(Time now) {
  const Time soon = now + kRetryInterval;
  std::optional<Time> next = stuck_.Next(soon);
  // Without a ready slot there is nothing to retry: AddSlot is followed by a Flush.
  if (!waiting_.Empty() && slots_.Ready() > 0) next = soon;
  if (!for_thread_.Empty() && slots_.Ready() > 0) {
    const Time retry = slots_.HasRestored() ? soon : now + kThreadRetryInterval;
    const Time at = std::clamp(for_thread_.FirstUntil(), soon, retry);
    next = next ? std::min(*next, at) : at;
  }
  if (const auto look = threads_.Next(); look && (!next || *look < *next)) next = look;
  if (next) {
    timer_.SetAt(*next, now);
  } else {
    timer_.Cancel();
  }
}

}  // namespace preforkd
