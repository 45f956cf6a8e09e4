// Parking: idle connections that workers have handed back. Owns them, watches them, and reads none of their
// bytes: the kernel is only asked whether there are any.
//
// One that becomes readable is woken: given to the dispatcher, which knows the least loaded worker by then.
// One whose peer closes, or whose idle time is over, is closed here without waking anybody.
//
// There may be very many, for very long: what is kept of one is its descriptor and the bytes in which it will
// travel, some 200 in all.
#ifndef PREFORKD_MASTER_PARKING_PARKING_H_
#define PREFORKD_MASTER_PARKING_PARKING_H_

#include <functional>
#include <list>
#include <memory>
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
#include "master/policy/park_rules.h"

namespace preforkd {

class Parking {
 public:
  // All outlive the parking.
  Parking(EventLoop& loop, Ledger& ledger, PoolDispatchers& dispatcher);

  // `services` are those of the generation in service: connections of any other are closed.
  void Configure(const ParkingConfig& config,
                 const std::vector<std::pair<ServiceId, const ServiceConfig*>>& services);

  // Takes a connection that came back: parks it, or gives it on at once, or closes it.
  void Arrive(HandedBack message);
  // Takes one that this process had parked as another program, and that the ledger counts as waiting. What
  // cannot be watched goes to a worker.
  void Restore(PackedParcel parcel, Duration idle_left) { Park(std::move(parcel), idle_left); }
  // For each one that is parked: its descriptor, which stays here; the HandOver message of it; and the time
  // that it may go on being idle, 0: for ever.
  using Visit = std::function<void(int fd, std::span<const char> parcel, Duration idle_left)>;
  void ForEach(const Visit& visit) const;
  // Of `wanted` connections that could be accepted, how many there is room for. A reserve stays free: with
  // every descriptor in use by clients that wait, nothing could be taken back from a stuck worker for another
  // one. Near the limit one at a time, and for that one what has been parked for longest may have to go. 0:
  // none now.
  [[nodiscard]] std::size_t RoomFor(std::size_t wanted);
  // True when a descriptor is free, if need be after closing what has been parked for longest, some at a
  // time.
  [[nodiscard]] bool MakeRoom();
  // The server stops: who has spoken goes to a worker, all others are closed, and whatever still arrives.
  void Stop();
  // For a table that is full: closes the one that has been parked for longest; false when there is none.
  bool EvictOne();

  [[nodiscard]] std::size_t Size() const { return parked_.size(); }

 private:
  struct Parked;
  using Place = std::list<Parked>::iterator;
  struct Parked : DeadlineHeap::Entry {  // is in the heap when it may not be idle for ever
    UniqueFd fd;
    std::uint32_t size = 0;
    std::unique_ptr<char[]> parcel;  // its HandOver message
    Place self;                      // events bring the address
    ServiceId service{};

    [[nodiscard]] std::span<const char> Bytes() const { return {parcel.get(), size}; }
  };

  [[nodiscard]] ParkReading Reading(bool has_work) const;
  void Park(PackedParcel parcel, Duration idle_left);
  // Something has come, or its time is over (`why`): a request that came in that very moment counts.
  void OnEvent(Place place, const char* why);
  void CloseDue();
  // It is not here any more. The parcel owns the descriptor.
  PackedParcel Leave(Place place);
  void Wake(Place place);
  // Closes it: its client, its time, or a newer one wants it so.
  void Close(Place place, const char* why);
  // The same, to be entered in the ledger by the caller.
  void Drop(Place place, const char* why);
  void EvictOldest();

  Ledger& ledger_;
  PoolDispatchers& dispatcher_;
  DescriptorBudget budget_;   // of the whole master
  std::list<Parked> parked_;  // parked for longest first
  ReadableSet readable_;      // all of them
  DeadlineHeap deadlines_;
  Timer next_deadline_;
  IdleCall flush_;  // all that were woken in one turn of the loop go out together
  OncePerSecond log_limit_;
  OncePerSecond unwatchable_;  // of the line about a connection that cannot be parked
  std::uint64_t most_ = 0;
  std::set<ServiceId> services_;  // empty: not configured, every one is known
  bool stopping_ = false;
};

}  // namespace preforkd

#endif
