// SlotBook: the ready slots of a pool, and which of them gets a connection. Owns the targets.
//
// It reads the rows of those slots whose load has changed (LoadMarks), that it chooses, and that could not be
// chosen the last time; never all of them for one choice. A slot that cannot be chosen is benched: looked at
// anew in each round.
#ifndef PREFORKD_MASTER_DISPATCH_SLOT_BOOK_H_
#define PREFORKD_MASTER_DISPATCH_SLOT_BOOK_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "common/scoreboard/scoreboard.h"
#include "master/dispatch/target.h"
#include "master/policy/balance.h"

namespace preforkd {

// What the ready slots look like to those who decide about more workers.
struct Pressure {
  std::uint32_t ready = 0;
  std::uint32_t blocked = 0;
  std::uint32_t slow = 0;   // the blocked ones included (slot_activity.h)
  std::size_t waiting = 0;  // in the dispatcher, and behind those that are held up
};

class SlotBook {
 public:
  // `page` outlives the book.
  explicit SlotBook(MasterPage& page) : page_(page) {}

  void Configure(const DispatchConfig& config);
  // The gathering that is in effect from now on (balance.h).
  void Gather(const Gathering& gathering) { balancer_.Gather(gathering); }

  // `channel` is borrowed until Remove.
  void Add(Slot slot, SlotChannel& channel);
  // False: it is not there.
  bool Remove(Slot slot);
  // nullptr: it is not there.
  [[nodiscard]] Target* Find(Slot slot) const;
  // By number; those that are not there are nullptr.
  [[nodiscard]] const std::vector<std::unique_ptr<Target>>& Targets() const { return targets_; }
  [[nodiscard]] std::uint32_t Ready() const { return ready_; }
  // What a slot has to do decides, not whose turn it is or who the client is.
  [[nodiscard]] bool ByLoad() const { return balancer_.ByLoad(); }
  // dispatch.reclaim_after
  [[nodiscard]] Duration Patience() const { return timeout_; }

  // What was seen of a slot before is not what it is now.
  void BeginRound();
  // Reads those whose load has changed, and those that are benched.
  void LearnLoads(Time now);
  // The slot for it; nullptr when none may have one more.
  Target* ChooseFor(const PackedParcel& parcel, Time now);
  // One connection more is in its outbox.
  void Assigned(Target& target);
  // Its channel takes no more in this round.
  void Full(Target& target);
  // In this round: a slot that is held up gets nothing, because another one is idle.
  bool PreferIdle();

  // There is a slot, and all of them are held up.
  [[nodiscard]] bool AllSlow(Time now) const;
  // Looks at every slot. `waiting`: connections that no slot has yet.
  [[nodiscard]] Pressure CurrentPressure(std::size_t waiting, Time now) const;

 private:
  void Read(Target& target, Time now);
  // Offers it to the balancer, or benches it.
  void Place(Target& target);
  void Bench(Target& target);
  // For a connection that has been moved often enough: stuck or not. nullptr when every queue is full.
  Target* ShortestQueue(Time now);
  [[nodiscard]] bool SomebodyIdle() const;

  MasterPage& page_;
  Balancer balancer_{DispatchPolicy::kLeastConnections};
  Bounds bounds_{};
  Duration timeout_{0};
  std::vector<std::unique_ptr<Target>> targets_;
  SlotSet slots_;  // the same as bits
  std::uint32_t ready_ = 0;
  std::vector<Slot> benched_;
  std::vector<Slot> unmarked_;  // their workers, an older program's, leave their marks elsewhere
  std::vector<Slot> scratch_;
  std::uint64_t round_ = 0;
  std::optional<bool> prefer_idle_;  // of this round, once it has been asked for
};

}  // namespace preforkd

#endif
