// ThreadQueue: connections whose requests were read and wait for an application thread, in the master: a
// worker that is killed takes only what its threads were serving with it. Owns the parcels. Pure.
//
// The order is that of the times at which they must not wait here any longer. A request keeps that time on
// all its journeys, so requests of one service leave in the order in which they were read, to within the time
// that a journey takes, and one that comes back has its old place.
#ifndef PREFORKD_MASTER_DISPATCH_THREAD_QUEUE_H_
#define PREFORKD_MASTER_DISPATCH_THREAD_QUEUE_H_

#include <cstddef>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/wire/packed_parcel.h"

namespace preforkd {

class ThreadQueue {
 public:
  [[nodiscard]] bool Empty() const { return parcels_.empty(); }
  [[nodiscard]] std::size_t Size() const { return parcels_.size(); }

  // From `until` on it goes to any worker, which answers it when its time is over.
  void Add(PackedParcel&& parcel, Time until, Time now) {
    parcels_.emplace_hint(parcels_.end(), until, Waiting{std::move(parcel), now});
  }
  // The next five: precondition: not empty.
  [[nodiscard]] const PackedParcel& First() const { return parcels_.begin()->second.parcel; }
  [[nodiscard]] Time FirstSince() const { return parcels_.begin()->second.since; }
  [[nodiscard]] Time FirstUntil() const { return parcels_.begin()->first; }
  [[nodiscard]] bool Overdue(Time now) const { return FirstUntil() <= now; }
  PackedParcel TakeFirst() { return std::move(parcels_.extract(parcels_.begin()).mapped().parcel); }

  // Moves those for which `wanted` is true to the end of `taken`.
  void Take(const std::function<bool(const PackedParcel&)>& wanted, std::vector<PackedParcel>& taken) {
    for (auto each = parcels_.begin(); each != parcels_.end();) {
      if (!wanted(each->second.parcel)) {
        ++each;
        continue;
      }
      taken.push_back(std::move(each->second.parcel));
      each = parcels_.erase(each);
    }
  }
  void ForEach(const std::function<void(const PackedParcel&)>& visit) const {
    for (const auto& [until, one] : parcels_) visit(one.parcel);
  }

 private:
  struct Waiting {
    PackedParcel parcel;
    Time since;
  };

  std::multimap<Time, Waiting> parcels_;
};

}  // namespace preforkd

#endif
