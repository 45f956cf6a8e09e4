// Which slot gets a connection. Pure: loads in, a slot number out.
//
// The slots are the leaves of a tournament tree, each inner node holds the least load below it: a change and
// a choice cost as many steps as the number of slots has bits. What the tree does not know it cannot prefer:
// who keeps it tells it of every load that has changed (LoadMarks) before it chooses.
#ifndef PREFORKD_MASTER_POLICY_BALANCE_H_
#define PREFORKD_MASTER_POLICY_BALANCE_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "common/config/config.h"

namespace preforkd {

// What decides whether a slot may get one more. Slots that are starting or retiring are not in question at
// all.
struct Candidate {
  std::uint64_t load = 0;    // handed over and not yet finished or returned, taken or not
  std::uint64_t queued = 0;  // of those, not yet taken
  bool stuck =
      false;  // gets nothing now: has left its queue or its callback alone for too long (slot_activity.h)
  bool full = false;  // its channel took no more in this round
};

struct Bounds {
  std::uint64_t max_load = 0;
  std::uint64_t max_queue = 0;
};

[[nodiscard]] bool HasRoom(const Candidate& candidate, const Bounds& bounds);

// For least-connections, while connections are brisk (callback_speed.h): to wake a worker costs more than to
// wait behind a few others, so as few are woken as can run at once.
struct Gathering {
  std::uint32_t slots = 0;  // that can run at once: the first ones
  std::uint64_t depth = 0;  // connections that a slot gets before another one is woken; 0: no gathering
};

class Balancer {
 public:
  explicit Balancer(DispatchPolicy policy) : policy_(policy) {}
  void SetPolicy(DispatchPolicy policy) { policy_ = policy; }
  void Gather(const Gathering& gathering) { gathering_ = gathering; }
  // What a slot has to do decides, not whose turn it is or who the client is.
  [[nodiscard]] bool ByLoad() const { return policy_ == DispatchPolicy::kLeastConnections; }
  [[nodiscard]] bool ByClient() const { return policy_ == DispatchPolicy::kClientHash; }

  // The slot may be chosen from now on, and has this load.
  void Offer(std::uint32_t slot, std::uint64_t load);
  // It may not.
  void Withdraw(std::uint32_t slot);

  // The slot to use; nullopt when none is offered. Nothing changes by it: say Took when it is used.
  // least-connections: the least loaded; of equals, the next in turn. While gathering: the least loaded of
  // the first ones, then the first with fewer than `depth`, and only then the least loaded of all.
  // round-robin: the next in turn. client-hash: `client` is a hash of the client's address, from which
  // follows a series of slot numbers; the first that is offered; for a client without an address, the least
  // loaded. The same client goes to the same slot while that one is offered, one that leaves moves only its
  // own clients, and one that joins takes over only what becomes its own.
  [[nodiscard]] std::optional<std::uint32_t> Choose(std::optional<std::uint64_t> client) const;
  // Ties and turns go on behind this slot.
  void Took(std::uint32_t slot) { last_slot_ = slot; }

  // Numbers of a client's series that are tried; then the next slot behind the last of them gets it.
  static constexpr std::uint32_t kTries = 64;
  // Number `attempt` of a client's series, among the slots 0 to `slots` - 1, where the highest is one that is
  // offered. With one slot more it is the same number, or the new one.
  static std::uint32_t Series(std::uint64_t client, std::uint32_t attempt, std::uint32_t slots);

 private:
  static constexpr std::uint64_t kNone = std::numeric_limits<std::uint64_t>::max();

  void Grow(std::uint32_t slot);
  void Set(std::uint32_t slot, std::uint64_t load);
  // The first slot from `from` on with this load at most.
  [[nodiscard]] std::optional<std::uint32_t> FirstFrom(std::uint64_t from, std::uint64_t load) const;
  // The same, going round, behind the slot that was used last.
  [[nodiscard]] std::optional<std::uint32_t> NextInTurn(std::uint64_t load) const;
  [[nodiscard]] std::optional<std::uint32_t> Gathered() const;
  [[nodiscard]] std::optional<std::uint32_t> OfClient(std::uint64_t client) const;
  // The highest that is offered. Precondition: there is one.
  [[nodiscard]] std::uint32_t Last() const;

  DispatchPolicy policy_;
  Gathering gathering_;
  std::uint32_t last_slot_ = 0;
  std::uint32_t leaves_ = 0;          // a power of two
  std::vector<std::uint64_t> least_;  // node 1 is the root, node i has the children 2i and 2i + 1
};

}  // namespace preforkd

#endif
