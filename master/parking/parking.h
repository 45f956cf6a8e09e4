// Parking: owns and watches idle connections that workers have handed back. It never reads their data: it
// only asks the kernel whether there is any.
//
// A connection that becomes readable is woken: it goes to the dispatcher, which picks the least loaded
// worker. A connection that its peer closes, or whose idle time expires, is closed here without waking a
// worker; but a TLS session whose idle time expires goes to a worker, which alone can say goodbye: without
// close_notify the client could not tell the end from an attack.
//
// Many connections can be parked for a long time, so each keeps only its descriptor and its HandOver message
// (parked_list.h).
#ifndef PREFORKD_MASTER_PARKING_PARKING_H_
#define PREFORKD_MASTER_PARKING_PARKING_H_

#include <functional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/event/event_loop.h"
#include "common/event/idle_call.h"
#include "common/event/readable_set.h"
#include "common/event/timer.h"
#include "common/process/descriptor_budget.h"
#include "common/scoreboard/ledger.h"
#include "common/structures/deadline_heap.h"
#include "common/structures/rate_limit.h"
#include "common/wire/messages.h"
#include "master/dispatch/pool_dispatchers.h"
#include "master/parking/parked_list.h"
#include "master/policy/park_rules.h"

namespace preforkd {

class Parking {
 public:
  // The arguments must outlive the Parking.
  Parking(EventLoop& loop, Ledger& ledger, PoolDispatchers& dispatcher);

  // `services`: those of the generation in service. Connections of any other service are closed, but those
  // whose client has sent something go to a worker.
  void Configure(const ParkingConfig& config,
                 const std::vector<std::pair<ServiceId, const ServiceConfig*>>& services);

  // Further connections in the master, of clients that were refused: how many there are, and how to close one
  // (false: there is none). They are closed before one that is parked.
  struct Refused {
    std::function<std::uint64_t()> count = [] { return 0; };
    std::function<bool()> close_one = [] { return false; };
  };
  void SetRefused(Refused refused) { refused_ = std::move(refused); }

  // Takes a connection from a worker and parks it, dispatches it or closes it. `stopping`: none is parked any
  // more.
  void Arrive(HandedBack message, bool stopping);
  // Takes a connection that the previous program of this process had parked (upgrade), and that the ledger
  // counts as waiting. One that cannot be watched goes to a worker. `idle_left` 0: no limit.
  void Restore(PackedParcel parcel, Duration idle_left) { Park(std::move(parcel), idle_left, Now()); }
  // Called for each parked connection: `fd` (borrowed), its HandOver message, and its remaining idle time (0:
  // no limit).
  using Visit = std::function<void(int fd, std::span<const char> parcel, Duration idle_left)>;
  void ForEach(const Visit& visit) const;
  // How many of `wanted` connections may be accepted now. Some descriptors stay in reserve: without a free
  // one, the master could not reclaim connections from a stuck worker. Near the limit this returns 1, if need
  // be after closing the connection that was parked longest; 0 if there is no room.
  [[nodiscard]] std::size_t RoomFor(std::size_t wanted);
  // True if a descriptor is free, if need be after closing the connections parked longest (a bounded number
  // per call).
  [[nodiscard]] bool MakeRoom();
  // The server is stopping: connections with data to read go to a worker, all others are closed.
  void CloseIdle();
  // For a full descriptor table: closes the connection that was parked longest. False if none is parked.
  bool EvictOne();

  [[nodiscard]] std::size_t Size() const { return parked_.Size(); }

 private:
  [[nodiscard]] ParkReading Reading(bool has_work, bool stopping) const;
  void ParkArrived(HandedBack message);
  void Park(PackedParcel parcel, Duration idle_left, Time now);
  // Closes one that has just come from a worker and whose service is gone; lost, if its client has asked.
  void TurnAway(const HandedBack& message);
  // Closes one that has just come from a worker.
  void CloseArrived(ConnId id, const char* why);
  // It has work for a worker, or none is to be parked.
  void Dispatch(HandedBack message);
  // The connection is readable or the server stops (`why`). If a request has arrived, it is woken, else
  // closed.
  void OnEvent(Parked& parked, const char* why);
  void OnTimeOver(Parked& parked);
  void CloseDue();
  // Removes it from the watch and the heap of deadlines.
  void Unwatch(Parked& parked);
  void WakeWithData(Parked& parked);
  // `stage`: what the worker is to do with it.
  void Wake(Parked& parked, TlsStage stage, const char* why);
  // Closes the connection and books that in the ledger.
  void Close(Parked& parked, const char* why);
  // Closes the connection; the caller books it in the ledger.
  void Drop(Parked& parked, const char* why);
  void EvictOldest();

  Ledger& ledger_;
  PoolDispatchers& dispatcher_;
  DescriptorBudget budget_;  // of the whole master
  Refused refused_;
  ParkedList parked_;
  ReadableSet readable_;  // all of them
  DeadlineHeap deadlines_;
  Timer next_deadline_;
  IdleCall flush_;  // hands over all connections woken in one turn of the loop together
  OncePerSecond log_limit_;
  OncePerSecond unwatchable_;  // for the log line about a connection that cannot be watched
  OncePerSecond turned_away_;  // for the log line about a lost one whose service is gone
  std::uint64_t max_parked_ = 0;
  std::set<ServiceId> services_;  // empty: not configured, every service is accepted
  std::uint64_t modules_ = 0;     // services that are modules
};

}  // namespace preforkd

#endif
