#include "master/parking/parking.h"

#include <sys/ioctl.h>

#include <algorithm>
#include <utility>

#include "common/base/log.h"

namespace preforkd {
namespace {

// Descriptors of the master beside client connections: listeners, logs, event loop and control clients; and
// per worker both channel ends and its pidfd, doubled because a reload runs two generations.
constexpr std::uint64_t kOwnDescriptors = 64;
constexpr std::uint64_t kDescriptorsPerWorker = 2 * 3;
constexpr std::uint64_t kDescriptorsPerModule = 2;  // its file, likewise
// A heavy one has a file (Parcel::heavy).
constexpr std::uint64_t kDescriptorsPerWaiting = 2;
// Maximum number of connections closed in one call to make room.
constexpr int kEvictionsAtOnce = 64;
// Maximum number of expired connections closed per turn of the event loop.
constexpr int kClosedAtOnce = 64;
// An idle time above this means no limit. It also keeps a wild value from a worker within the clock's range.
constexpr Duration kForEver = std::chrono::hours(24 * 365);
// How long a request waits for an application thread in the master if its worker did not tell. After that any
// worker gets it, and may tell.
constexpr Duration kUntoldWait = std::chrono::seconds(1);
// A timer may fire early by this much.
constexpr Duration kEarly = std::chrono::milliseconds(1);

constexpr const char* kServiceGone = "its service no longer exists";
constexpr const char* kByClient = "by the client while parked";
constexpr const char* kTimeOver = "idle timeout";
constexpr const char* kDataCame = "the client has sent data";
constexpr const char* kStopping = "the server is stopping";
constexpr const char* kParkingOff = "it is idle and parking is off";

// Bytes available to read. A readable socket with none was closed by its peer, or has an error.
int UnreadBytes(int fd) {
  int count = 0;
  return ::ioctl(fd, FIONREAD, &count) == 0 ? count : 0;
}

}  // namespace

Parking::Parking(EventLoop& loop, Ledger& ledger, PoolDispatchers& dispatcher)
    : ledger_(ledger),
      dispatcher_(dispatcher),
      budget_([this] {
        return kOwnDescriptors + kDescriptorsPerModule * modules_ +
               kDescriptorsPerWorker * dispatcher_.ReadySlots() +
               kDescriptorsPerWaiting * dispatcher_.Waiting() + parked_.Size() + refused_.count();
      }),
      readable_(loop, EventLoop::kPriorityClient,
                [this](ReadableSet::Name name, ReadableSet::Reading reading) {
                  Parked& parked = *static_cast<Parked*>(name);
                  // The kernel has told already what is there.
                  if (reading == ReadableSet::Reading::kData) return WakeWithData(parked);
                  OnEvent(parked, kByClient);
                }),
      next_deadline_(loop, EventLoop::kPriorityClient, [this] { CloseDue(); }),
      flush_(
          loop, [this] { dispatcher_.Flush(); }, EventLoop::kPriorityClient) {}

ParkReading Parking::Reading(bool has_work, bool stopping) const {
  ParkReading reading;
  reading.parked = parked_.Size();
  reading.max = max_parked_;
  reading.table_full = !budget_.HasPlenty(0);
  reading.stopping = stopping;
  reading.has_work = has_work;
  return reading;
}

void Parking::Arrive(HandedBack message, bool stopping) {
  if (!services_.empty() && !services_.contains(message.parcel.Service())) return TurnAway(message);
  while (!budget_.HasPlenty(0) && refused_.close_one()) {
  }
  switch (JudgeArrival(Reading(message.wake_now, stopping))) {
    case ParkVerdict::kEvictFirst: EvictOldest(); [[fallthrough]];
    case ParkVerdict::kPark: return ParkArrived(std::move(message));
    case ParkVerdict::kDispatch: return Dispatch(std::move(message));
    case ParkVerdict::kClose: return CloseArrived(message.parcel.Id(), kParkingOff);
  }
}

// Its worker would have finished what a client had begun (WorkerRow::no_successor), if it could.
void Parking::TurnAway(const HandedBack& message) {
  const ConnId id = message.parcel.Id();
  const bool asked = message.wake_now || UnreadBytes(message.parcel.fd.Get()) > 0;
  if (!asked) return CloseArrived(id, kServiceGone);
  if (const auto held_back = turned_away_.Allow(Now())) {
    log::Info({log::kConnFailed, id, {{"cause", "no_service"}, {"suppressed", *held_back}}},
              "closing: its service no longer exists");
  }
  ledger_.ClientEnded(id);
  ledger_.Lost(LossReason::kRefused);
}

void Parking::CloseArrived(ConnId id, const char* why) {
  log::Debug({log::kConnClosed, id, {{"why", why}}}, "closed: {}", why);
  ledger_.ClientEnded(id);
  ledger_.Closed();
}

void Parking::ParkArrived(HandedBack message) {
  const Time now = Now();
  // Its next worker learns from it how long the client was silent. Who went back for another reason than its
  // idle time had not stayed for all of it.
  if (message.reason == ReturnReason::kIdle) {
    ParcelHead head = message.parcel.Head();
    head.idle_ns = ToNanoseconds(now);
    message.parcel.SetHead(head);
  }
  Park(std::move(message.parcel), Duration(message.idle_left_ns), now);
}

void Parking::Dispatch(HandedBack message) {
  if (message.reason != ReturnReason::kBusy) return dispatcher_.Submit(std::move(message.parcel));
  // A worker of an earlier program does not tell how long; none tells a sensible time if it is faulty.
  const Duration told(message.idle_left_ns);
  const Duration time = told <= Duration(0) ? kUntoldWait : std::min<Duration>(told, kForEver);
  dispatcher_.SubmitForThread(std::move(message.parcel), Now() + time);
}

std::size_t Parking::RoomFor(std::size_t wanted) {
  if (budget_.HasPlenty(wanted)) return wanted;
  while (!budget_.HasRoomForClient() && refused_.close_one()) {
  }
  return budget_.HasRoomForClient() || EvictOne() ? 1 : 0;
}

bool Parking::MakeRoom() {
  for (int i = 0; i < kEvictionsAtOnce; ++i) {
    if (budget_.HasRoomToReceive()) return true;
    if (refused_.close_one()) continue;
    if (parked_.Size() == 0) return false;
    EvictOldest();
  }
  return false;  // the next call continues
}

void Parking::EvictOldest() {
  if (const auto held_back = log_limit_.Allow(Now())) {
    log::Warning({log::kConnEvicted, {{"parked", parked_.Size()}, {"suppressed", *held_back}}},
                 "{} connections are parked, the maximum for now: closing the one parked longest",
                 parked_.Size());
  }
  Drop(*parked_.First(), "evicted to make room");
  ledger_.Evicted();
}

void Parking::Park(PackedParcel parcel, Duration idle_left, Time now) {
  const ConnId id = parcel.Id();
  Parked& parked = parked_.Append(std::move(parcel));
  // The watch is level-triggered, so a request that arrived in the meantime is seen at once.
  if (const Status status = readable_.Add(parked.Fd(), &parked); !status.Ok()) {
    if (const auto held_back = unwatchable_.Allow(now)) {
      log::Error({log::kConnNotParked, id, {{"suppressed", *held_back}}},
                 "the connection cannot be watched and goes back to a worker: {}", status.Err().text);
    }
    return dispatcher_.Submit(parked_.Take(parked));
  }
  ledger_.ClientParked(id, [&] { return PeerOf(parked.Message()); });
  if (idle_left > Duration(0) && idle_left < kForEver) {
    parked.at = now + idle_left;
    deadlines_.Add(parked);
    if (deadlines_.Earliest() == &parked) next_deadline_.SetAt(parked.at, now);
  }
  ledger_.Parked();
  log::Debug({log::kConnParked, id}, "parked");
}

void Parking::ForEach(const Visit& visit) const {
  const Time now = Now();
  for (const Parked* parked = parked_.First(); parked != nullptr; parked = ParkedList::After(*parked)) {
    const bool bounded = parked->at != Time{};
    // An expired connection gets 1 ms, because 0 means no limit.
    visit(parked->Fd(), parked->Message(),
          bounded ? std::max<Duration>(parked->at - now, std::chrono::milliseconds(1)) : Duration(0));
  }
}

void Parking::OnEvent(Parked& parked, const char* why) {
  if (UnreadBytes(parked.Fd()) > 0) return WakeWithData(parked);
  Close(parked, why);
}

void Parking::OnTimeOver(Parked& parked) {
  if (TlsStage{parked.Head().tls} != TlsStage::kEstablished || UnreadBytes(parked.Fd()) > 0)
    return OnEvent(parked, kTimeOver);
  Wake(parked, TlsStage::kGoodbyeDue, kTimeOver);
}

void Parking::CloseDue() {
  const Time now = Now();
  for (int i = 0; i < kClosedAtOnce; ++i) {
    DeadlineHeap::Entry* const earliest = deadlines_.Earliest();
    if (earliest == nullptr || earliest->at > now + kEarly) break;
    OnTimeOver(static_cast<Parked&>(*earliest));
  }
  if (const DeadlineHeap::Entry* const earliest = deadlines_.Earliest())
    next_deadline_.SetAt(earliest->at, now);
}

void Parking::Unwatch(Parked& parked) {
  // Remove it from epoll first: the worker's copy would keep the registration alive (epoll(7)).
  readable_.Remove(parked.Fd(), &parked);
  deadlines_.Remove(parked);
}

void Parking::WakeWithData(Parked& parked) { Wake(parked, TlsStage{parked.Head().tls}, kDataCame); }

void Parking::Wake(Parked& parked, TlsStage stage, const char* why) {
  Unwatch(parked);
  PackedParcel parcel = parked_.Take(parked);
  ParcelHead head = parcel.Head();
  head.tls = static_cast<std::uint8_t>(stage);
  parcel.SetHead(head);
  ledger_.Woken();
  log::Debug({log::kConnWoken, parcel.Id()}, "woken: {}", why);
  dispatcher_.Submit(std::move(parcel));
  flush_.Request();
}

void Parking::Close(Parked& parked, const char* why) {
  Drop(parked, why);
  ledger_.ClosedParked();
}

void Parking::Drop(Parked& parked, const char* why) {
  const ParcelHead head = parked.Head();
  const ConnId id{head.id};
  Unwatch(parked);
  parked_.Close(parked);
  ledger_.ClientEnded(id);
  log::Debug({log::kConnClosed,
              id,
              {{"why", why},
               {"requests", head.requests},
               {"bytes_in", head.bytes_in},
               {"bytes_out", head.bytes_out},
               {"journeys", head.journeys},
               {"seconds", Seconds(Now() - FromNanoseconds(head.accepted_ns))}}},
             "closed: {}", why);
}

void Parking::CloseIdle() {
  // A connection with a request goes to a worker; the others are closed.
  for (Parked* parked = parked_.First(); parked != nullptr;) {
    Parked* const next = ParkedList::After(*parked);
    OnEvent(*parked, kStopping);
    parked = next;
  }
}

void Parking::Configure(const ParkingConfig& config,
                        const std::vector<std::pair<ServiceId, const ServiceConfig*>>& services) {
  max_parked_ = config.max;
  services_.clear();
  modules_ = 0;
  for (const auto& [id, service] : services) {
    services_.insert(id);
    if (service->module) ++modules_;
  }
  // Connections of a removed service are closed now, while idle, rather than reset at their next request.
  // Those whose client has sent something go to the workers from before, which are still there.
  for (Parked* parked = parked_.First(); parked != nullptr;) {
    Parked* const next = ParkedList::After(*parked);
    if (!services_.contains(ServiceId{parked->Head().service})) OnEvent(*parked, kServiceGone);
    parked = next;
  }
}

bool Parking::EvictOne() {
  if (parked_.Size() == 0) return false;
  EvictOldest();
  return true;
}

}  // namespace preforkd
