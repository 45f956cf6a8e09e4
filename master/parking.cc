#include "master/parking.h"

#include <sys/ioctl.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/base/log.h"
#include "common/process/limits.h"

namespace preforkd {
namespace {

// What the master has open beside client connections: listeners, logs, the loop and the operator's connections; and for
// each worker both ends of its channel and its pidfd, where a reload has as many again.
constexpr std::uint64_t kOwnDescriptors = 64;
constexpr std::uint64_t kDescriptorsPerWorker = 2 * 3;
// Kept free by those who accept.
constexpr std::uint64_t kReserve = 16;
// Connections that are closed to make room, before somebody else has his turn.
constexpr int kEvictionsAtOnce = 64;

constexpr const char* kServiceGone = "its service does not exist any more";

// Bytes that can be read. A socket that is readable with none has been closed by its peer, or broken.
int UnreadBytes(int fd) {
  int count = 0;
  return ::ioctl(fd, FIONREAD, &count) == 0 ? count : 0;
}

}  // namespace

Parking::Parking(EventLoop& loop, MasterPage& page, Dispatcher& dispatcher)
    : loop_(loop),
      page_(page),
      dispatcher_(dispatcher),
      flush_(loop, [this] { dispatcher_.Flush(); }, EventLoop::kPriorityClient) {}

ParkReading Parking::Reading(bool has_work) const {
  ParkReading reading;
  reading.parked = parked_.size();
  reading.most = most_;
  reading.other_descriptors = kOwnDescriptors + kDescriptorsPerWorker * dispatcher_.ReadySlots() +
                              dispatcher_.Waiting();
  reading.descriptor_limit = DescriptorLimit();
  reading.stopping = stopping_;
  reading.has_work = has_work;
  return reading;
}

void Parking::Arrive(HandBack message) {
  if (!services_.empty() && !services_.contains(message.parcel.service)) {  // see Configure
    log::Debug(message.parcel.id, "closed: {}", kServiceGone);
    Add(page_.closed_parked);
    return;
  }
  switch (JudgeArrival(Reading(message.wake_now))) {
    case ParkVerdict::kEvictFirst:
      EvictOldest();
      [[fallthrough]];
    case ParkVerdict::kPark: return Park(std::move(message.parcel), Duration(message.idle_for_ns));
    case ParkVerdict::kDispatch: return dispatcher_.Submit(std::move(message.parcel));
    case ParkVerdict::kClose:
      log::Debug(message.parcel.id, "closed: it was idle, and is not parked");
      Add(page_.closed_parked);
      return;
  }
}

std::size_t Parking::RoomFor(std::size_t wanted) {
  const ParkReading reading = Reading(false);
  const std::uint64_t in_use_at_most = reading.parked + reading.other_descriptors;
  if (in_use_at_most + kReserve + wanted < reading.descriptor_limit) return wanted;
  if (HasDescriptorRoom(in_use_at_most, kReserve + 1)) return 1;
  return EvictOne() ? 1 : 0;
}

bool Parking::MakeRoom() {
  for (int i = 0; i < kEvictionsAtOnce; ++i) {
    const ParkReading reading = Reading(false);
    if (HasDescriptorRoom(reading.parked + reading.other_descriptors, 1)) return true;
    if (parked_.empty()) return false;
    EvictOldest();
  }
  return false;  // the next message makes room for itself
}

void Parking::EvictOldest() {
  if (const auto held_back = log_limit_.Allow(Now())) {
    log::Warning("{} connections are parked and there is room for no more: closing the oldest ({} more such "
                 "lines held back)",
                 parked_.size(), *held_back);
  }
  Close(parked_.begin(), "there was no room for one more that is parked");
}

void Parking::Park(Parcel parcel, Duration idle_for) {
  const Place place = parked_.emplace(parked_.end(), loop_, std::move(parcel), FdWatch::Callback{});
  if (idle_for > Duration(0)) place->closes_at = Now() + idle_for;
  place->watch.SetCallback([this, place](Interest ready) { OnEvent(place, ready); });
  // Level-triggered: a request that came in the moment of parking is seen at once.
  const Status status = idle_for > Duration(0) ? place->watch.Want(Interest::kRead, idle_for)
                                               : place->watch.Want(Interest::kRead);
  if (!status.Ok()) {  // it cannot be watched here: a worker shall have it again
    log::Error(place->parcel.id, "cannot be parked: {}", status.Err().text);
    dispatcher_.Submit(std::move(place->parcel));
    parked_.erase(place);
  }
  Publish();
  if (status.Ok()) log::Debug(place->parcel.id, "parked");
}

void Parking::ForEach(const std::function<void(const Parcel&, Duration idle_for)>& visit) const {
  const Time now = Now();
  for (const Parked& parked : parked_) {
    const bool bounded = parked.closes_at != Time{};
    // What is due closes in a moment, and not never.
    visit(parked.parcel, bounded ? std::max<Duration>(parked.closes_at - now, std::chrono::milliseconds(1)) : Duration(0));
  }
}

// Something has come, or its time is over: a request that came in that very moment counts.
void Parking::OnEvent(Place place, Interest ready) {
  if (UnreadBytes(place->parcel.fd.Get()) > 0) return Wake(place);
  const char* why = stopping_ ? "the server stops" : "by the client, while it was parked";
  Close(place, Has(ready, Interest::kTimeout) ? "idle for too long" : why);
}

void Parking::Wake(Place place) {
  const LedgerChange change(page_);
  log::Debug(place->parcel.id, "woken: the client has spoken");
  // First out of the loop: the worker's copy would keep the registration alive (epoll(7)).
  place->watch.Stop();
  dispatcher_.Submit(std::move(place->parcel));
  parked_.erase(place);
  Publish();
  flush_.Request();
}

void Parking::Close(Place place, const char* why) {
  const LedgerChange change(page_);
  const Parcel& parcel = place->parcel;
  log::Debug(parcel.id, "closed: {}; requests {}, bytes in {}, out {}, journeys {}, after {:.3f} s", why, parcel.requests,
             parcel.bytes_in, parcel.bytes_out, parcel.journeys, Seconds(Now() - parcel.accepted_at));
  Add(page_.closed_parked);
  parked_.erase(place);
  Publish();
}

void Parking::Stop() {
  const LedgerChange change(page_);
  stopping_ = true;
  // A request that has come already is answered; who says nothing is closed.
  for (auto place = parked_.begin(); place != parked_.end();) {
    const auto next = std::next(place);
    OnEvent(place, Interest::kNone);
    place = next;
  }
}

void Parking::Configure(const ParkingConfig& config,
                        const std::vector<std::pair<ServiceId, const ServiceConfig*>>& services) {
  const LedgerChange change(page_);
  most_ = config.max;
  services_.clear();
  for (const auto& [id, service] : services) services_.insert(id);
  // Of a service that is no more: closed now, while it is idle, and not reset at its next request.
  for (auto place = parked_.begin(); place != parked_.end();) {
    const auto next = std::next(place);
    if (!services_.contains(place->parcel.service)) Close(place, kServiceGone);
    place = next;
  }
}

bool Parking::EvictOne() {
  if (parked_.empty()) return false;
  EvictOldest();
  return true;
}

void Parking::Publish() { Set(page_.parked, parked_.size()); }

}  // namespace preforkd
