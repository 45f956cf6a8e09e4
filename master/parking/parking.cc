#include "master/parking/parking.h"

#include <sys/ioctl.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "common/base/log.h"

namespace preforkd {
namespace {

// What the master has open beside client connections: listeners, logs, the loop and the operator's
// connections; and for each worker both ends of its channel and its pidfd, where a reload has as many again.
constexpr std::uint64_t kOwnDescriptors = 64;
constexpr std::uint64_t kDescriptorsPerWorker = 2 * 3;
// Connections that are closed to make room, before somebody else has his turn.
constexpr int kEvictionsAtOnce = 64;
// Connections whose time is over that are closed, likewise.
constexpr int kClosedAtOnce = 64;
// More than that a service, or a wild worker, means for ever; and a time beyond all times is none.
constexpr Duration kForEver = std::chrono::hours(24 * 365);
// A timer may be early by so much.
constexpr Duration kEarly = std::chrono::milliseconds(1);

constexpr const char* kServiceGone = "its service does not exist any more";
constexpr const char* kByClient = "by the client, while it was parked";
constexpr const char* kTimeOver = "idle for too long";
constexpr const char* kStopping = "the server stops";

// Bytes that can be read. A socket that is readable with none has been closed by its peer, or broken.
int UnreadBytes(int fd) {
  int count = 0;
  return ::ioctl(fd, FIONREAD, &count) == 0 ? count : 0;
}

}  // namespace

Parking::Parking(EventLoop& loop, Ledger& ledger, PoolDispatchers& dispatcher)
    : ledger_(ledger),
      dispatcher_(dispatcher),
      budget_([this] {
        return kOwnDescriptors + kDescriptorsPerWorker * dispatcher_.ReadySlots() + dispatcher_.Waiting() +
               parked_.size();
      }),
      readable_(loop, EventLoop::kPriorityClient,
                [this](ReadableSet::Name name) { OnEvent(static_cast<Parked*>(name)->self, kByClient); }),
      next_deadline_(loop, EventLoop::kPriorityClient, [this] { CloseDue(); }),
      flush_(
          loop, [this] { dispatcher_.Flush(); }, EventLoop::kPriorityClient) {}

ParkReading Parking::Reading(bool has_work) const {
  ParkReading reading;
  reading.parked = parked_.size();
  reading.most = most_;
  reading.table_full = !budget_.HasPlenty(0);
  reading.stopping = stopping_;
  reading.has_work = has_work;
  return reading;
}

void Parking::Arrive(HandedBack message) {
  if (!services_.empty() && !services_.contains(message.parcel.Service())) {  // see Configure
    log::Debug({log::kConnClosed, message.parcel.Id()}, "closed: {}", kServiceGone);
    return ledger_.Closed();
  }
  switch (JudgeArrival(Reading(message.wake_now))) {
    case ParkVerdict::kEvictFirst: EvictOldest(); [[fallthrough]];
    case ParkVerdict::kPark: return Park(std::move(message.parcel), Duration(message.idle_left_ns));
    case ParkVerdict::kDispatch: return dispatcher_.Submit(std::move(message.parcel));
    case ParkVerdict::kClose:
      log::Debug({log::kConnClosed, message.parcel.Id()}, "closed: it was idle and parking is off");
      return ledger_.Closed();
  }
}

std::size_t Parking::RoomFor(std::size_t wanted) {
  if (budget_.HasPlenty(wanted)) return wanted;
  return budget_.HasRoomForClient() || EvictOne() ? 1 : 0;
}

bool Parking::MakeRoom() {
  for (int i = 0; i < kEvictionsAtOnce; ++i) {
    if (budget_.HasAny()) return true;
    if (parked_.empty()) return false;
    EvictOldest();
  }
  return false;  // the next message makes room for itself
}

void Parking::EvictOldest() {
  if (const auto held_back = log_limit_.Allow(Now())) {
    log::Warning({log::kConnEvicted, {{"parked", parked_.size()}, {"suppressed", *held_back}}},
                 "{} connections are parked and there is room for no more: closing the oldest",
                 parked_.size());
  }
  Drop(parked_.begin(), "there was no room for one more that is parked");
  ledger_.Evicted();
}

void Parking::Park(PackedParcel parcel, Duration idle_left) {
  const Time now = Now();
  const ConnId id = parcel.Id();
  const Place place = parked_.emplace(parked_.end());
  const std::span<const char> message = parcel.Message();
  place->size = static_cast<std::uint32_t>(message.size());
  place->parcel = std::make_unique<char[]>(message.size());
  std::memcpy(place->parcel.get(), message.data(), message.size());
  place->service = parcel.Service();
  place->self = place;
  // Level-triggered: a request that came in the moment of parking is seen at once.
  if (const Status status = readable_.Add(parcel.fd.Get(), &*place); !status.Ok()) {
    if (const auto held_back = unwatchable_.Allow(now)) {
      log::Error({log::kConnFailed, id, {{"suppressed", *held_back}}},
                 "closing: the connection cannot be parked: {}", status.Err().text);
    }
    parked_.erase(place);
    return dispatcher_.Submit(std::move(parcel));  // a worker shall have it again
  }
  place->fd = std::move(parcel.fd);
  if (idle_left > Duration(0) && idle_left < kForEver) {
    place->at = now + idle_left;
    deadlines_.Add(*place);
    if (deadlines_.Earliest() == &*place) next_deadline_.SetAt(place->at, now);
  }
  ledger_.Parked();
  log::Debug({log::kConnParked, id}, "parked");
}

void Parking::ForEach(const Visit& visit) const {
  const Time now = Now();
  for (const Parked& parked : parked_) {
    const bool bounded = parked.at != Time{};
    // What is due closes in a moment, and not never.
    visit(parked.fd.Get(), parked.Bytes(),
          bounded ? std::max<Duration>(parked.at - now, std::chrono::milliseconds(1)) : Duration(0));
  }
}

void Parking::OnEvent(Place place, const char* why) {
  if (UnreadBytes(place->fd.Get()) > 0) return Wake(place);
  Close(place, why);
}

void Parking::CloseDue() {
  const Time now = Now();
  for (int i = 0; i < kClosedAtOnce; ++i) {
    DeadlineHeap::Entry* const earliest = deadlines_.Earliest();
    if (earliest == nullptr || earliest->at > now + kEarly) break;
    OnEvent(static_cast<Parked*>(earliest)->self, kTimeOver);
  }
  if (const DeadlineHeap::Entry* const earliest = deadlines_.Earliest())
    next_deadline_.SetAt(earliest->at, now);
}

PackedParcel Parking::Leave(Place place) {
  // First out of the epoll: the worker's copy would keep the registration alive (epoll(7)).
  readable_.Remove(place->fd.Get(), &*place);
  deadlines_.Remove(*place);
  PackedParcel parcel(std::move(place->fd), place->Bytes());
  parked_.erase(place);
  return parcel;
}

void Parking::Wake(Place place) {
  PackedParcel parcel = Leave(place);
  ledger_.Woken();
  log::Debug({log::kConnWoken, parcel.Id()}, "woken: the client has sent something");
  dispatcher_.Submit(std::move(parcel));
  flush_.Request();
}

void Parking::Close(Place place, const char* why) {
  Drop(place, why);
  ledger_.ClosedParked();
}

void Parking::Drop(Place place, const char* why) {
  const PackedParcel parcel = Leave(place);
  const ParcelHead head = parcel.Head();
  log::Debug({log::kConnClosed,
              parcel.Id(),
              {{"requests", head.requests},
               {"bytes_in", head.bytes_in},
               {"bytes_out", head.bytes_out},
               {"journeys", head.journeys},
               {"seconds", Seconds(Now() - FromNanoseconds(head.accepted_ns))}}},
             "closed: {}", why);
}

void Parking::Stop() {
  stopping_ = true;
  // A request that has come already is answered; who says nothing is closed.
  for (auto place = parked_.begin(); place != parked_.end();) {
    const auto next = std::next(place);
    OnEvent(place, kStopping);
    place = next;
  }
}

void Parking::Configure(const ParkingConfig& config,
                        const std::vector<std::pair<ServiceId, const ServiceConfig*>>& services) {
  most_ = config.max;
  services_.clear();
  for (const auto& [id, service] : services) services_.insert(id);
  // Of a service that is no more: closed now, while it is idle, and not reset at its next request.
  for (auto place = parked_.begin(); place != parked_.end();) {
    const auto next = std::next(place);
    if (!services_.contains(place->service)) Close(place, kServiceGone);
    place = next;
  }
}

bool Parking::EvictOne() {
  if (parked_.empty()) return false;
  EvictOldest();
  return true;
}

}  // namespace preforkd
