#include "master/dispatcher.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "common/base/log.h"
#include "common/base/sys_error.h"

namespace preforkd {
namespace {

// How soon to look for room again while parcels wait. Runs only then.
constexpr Duration kRetryInterval = std::chrono::milliseconds(2);

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

}  // namespace

Dispatcher::Dispatcher(EventLoop& loop, MasterPage& page, std::function<void(bool)> on_congestion)
    : page_(page),
      on_congestion_(std::move(on_congestion)),
      retry_(loop, EventLoop::kPriorityControl, [this] { Flush(); }) {}

void Dispatcher::Configure(const DispatchConfig& config) {
  balancer_.SetPolicy(config.policy);
  bounds_ = Bounds{config.max_connections, config.max_queue};
}

void Dispatcher::StopDispatching() {
  stopping_ = true;
  Flush();
}

void Dispatcher::AddSlot(Slot slot, SlotChannel& channel) {
  RemoveSlot(slot);
  targets_.push_back(Target{slot, &channel, {}});
}

void Dispatcher::RemoveSlot(Slot slot) {
  std::erase_if(targets_, [slot](const Target& target) { return target.slot == slot; });
}

void Dispatcher::Submit(Parcel parcel) { waiting_.push_back(std::move(parcel)); }

void Dispatcher::Flush() {
  if (stopping_) {
    Add(page_.lost, waiting_.size());
    waiting_.clear();
  }
  in_flight_limit_ = false;
  BuildTable();
  // Each round either sends everything that it assigned, or takes at least one slot out of the table.
  while (AssignWaiting() && !SendOutboxes()) {
  }
  UpdateCongestion();
}

void Dispatcher::BuildTable() {
  table_.clear();
  for (const Target& target : targets_) {
    table_.push_back(Candidate{Raw(target.slot), target.channel->Load(), target.channel->Queued(), false});
  }
}

// Puts waiting parcels into outboxes, oldest first, until no slot has room. False when nothing was assigned.
bool Dispatcher::AssignWaiting() {
  bool assigned = false;
  while (!waiting_.empty() && !in_flight_limit_) {
    const auto index = balancer_.Choose(table_, bounds_, ClientHash(waiting_.front().peer));
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
bool Dispatcher::SendOutboxes() {
  unsent_.clear();
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    if (!targets_[i].outbox.empty() && !SendOutbox(targets_[i], table_[i])) table_[i].stuck = true;
  }
  for (auto parcel = unsent_.rbegin(); parcel != unsent_.rend(); ++parcel) waiting_.push_front(std::move(*parcel));
  const bool all = unsent_.empty();
  unsent_.clear();
  return all;
}

// False when this slot takes no more in this flush.
bool Dispatcher::SendOutbox(Target& target, Candidate& candidate) {
  std::span<Parcel> rest(target.outbox);
  bool open = true;
  while (!rest.empty() && open) {
    const SendResult result = target.channel->Send(rest.first(std::min(rest.size(), kMaxBatch)));
    Add(page_.handed_over, result.sent);
    rest = rest.subspan(result.sent);
    switch (result.outcome) {
      case SendOutcome::kSent: break;
      case SendOutcome::kRefused:
        ReportRefused(rest.front(), result.errnum);
        rest = rest.subspan(1);
        --candidate.load;
        break;
      case SendOutcome::kTooMany: in_flight_limit_ = true; [[fallthrough]];
      case SendOutcome::kFull:
      case SendOutcome::kGone: open = false; break;
    }
  }
  for (Parcel& parcel : rest) unsent_.push_back(std::move(parcel));
  target.outbox.clear();
  return open;
}

// Nothing can send this one: it is lost, and said so.
void Dispatcher::ReportRefused(const Parcel& parcel, int errnum) {
  Add(page_.lost);
  if (const auto held_back = log_limit_.Allow(Now())) {
    log::Error(parcel.id, "closing: the connection cannot be handed over: {} ({} more such lines held back)",
               ErrnoText(errnum), *held_back);
  }
}

void Dispatcher::UpdateCongestion() {
  Set(page_.waiting, waiting_.size());
  // With no slot at all there is nothing to look for: AddSlot brings the next Flush.
  if (!waiting_.empty() && !targets_.empty()) retry_.SetAfter(kRetryInterval);
  const bool congested = !waiting_.empty();
  if (congested == congested_) return;
  congested_ = congested;
  on_congestion_(congested);
}

}  // namespace preforkd
