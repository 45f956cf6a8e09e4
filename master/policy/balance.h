// Which slot gets a connection. Pure: a table in, an index out.
#ifndef PREFORKD_MASTER_POLICY_BALANCE_H_
#define PREFORKD_MASTER_POLICY_BALANCE_H_

#include <cstdint>
#include <optional>
#include <span>

#include "common/config/config.h"

namespace preforkd {

// One slot that could be picked. Slots that are starting or retiring are not in the table at all.
struct Candidate {
  std::uint32_t slot = 0;
  std::uint64_t load = 0;    // handed over and not yet finished or returned, taken or not
  std::uint64_t queued = 0;  // of those, not yet taken
  bool stuck = false;        // gets nothing now: has left its queue or its callback alone for too long (pulse.h)
  bool blocked = false;      // inside one callback for too long
  bool held_up = false;      // inside one callback for nearly too long
  bool full = false;         // its channel took no more in this round
};

struct Bounds {
  std::uint64_t max_load = 0;
  std::uint64_t max_queue = 0;
};

class Balancer {
 public:
  explicit Balancer(DispatchPolicy policy) : policy_(policy) {}
  void SetPolicy(DispatchPolicy policy) { policy_ = policy; }
  // What a slot has to do decides, not whose turn it is or who the client is.
  [[nodiscard]] bool ByLoad() const { return policy_ == DispatchPolicy::kLeastConnections; }

  // The index in `table` of the slot to use; nullopt when all are full or stuck.
  // `client` is a hash of the client's address, for client-hash: the same client goes to the same slot while
  // that slot exists and has room (rendezvous hashing: a slot that leaves moves only its own clients).
  std::optional<std::size_t> Choose(std::span<const Candidate> table, const Bounds& bounds, std::uint64_t client);
  // For a connection that has been moved often enough: the slot with the shortest queue, stuck or not. nullopt
  // when every queue is full.
  static std::optional<std::size_t> ShortestQueue(std::span<const Candidate> table, const Bounds& bounds);

 private:
  std::optional<std::size_t> LeastLoaded(std::span<const Candidate> table, const Bounds& bounds) const;
  std::optional<std::size_t> NextInTurn(std::span<const Candidate> table, const Bounds& bounds) const;
  static std::optional<std::size_t> ByClient(std::span<const Candidate> table, const Bounds& bounds,
                                             std::uint64_t client);

  DispatchPolicy policy_;
  std::uint32_t last_slot_ = 0;  // ties and turns go on behind the slot that was picked last
};

}  // namespace preforkd

#endif
