// Balancer: chooses the slot that gets a connection. Pure: loads in, a slot number out.
//
// The slots are the leaves of a tournament tree; each inner node holds the least load below it. A change and
// a choice take O(log slots) steps. The tree works on the loads that it was last given: report every changed
// load (LoadMarks) before choosing.
//
// A slot of last resort is a slot whose application threads are all taken: it sorts behind all others, with
// its load. So it gets a connection only if all offered slots are of last resort, under every policy but that
// which ties a client to a slot.
#ifndef PREFORKD_MASTER_POLICY_BALANCE_H_
#define PREFORKD_MASTER_POLICY_BALANCE_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "common/config/config.h"

namespace preforkd {

// The facts that decide whether a slot may get one more connection. Covers ready slots only: starting and
// retiring slots are never candidates.
struct Candidate {
  std::uint64_t load = 0;    // handed over and neither finished nor handed back, taken or not
  std::uint64_t queued = 0;  // of those, not yet taken
  bool stuck = false;        // has not moved its queue or left its callback for too long (slot_activity.h)
  bool full = false;         // its channel accepted no more in this round
  bool threaded = false;     // it serves in application threads
  std::uint64_t free_threads = 0;  // of those, what is queued taken off (FreeThreads)
};

// max_load: limit of Candidate::load; max_queue: limit of Candidate::queued. Both are connection counts.
struct Bounds {
  std::uint64_t max_load = 0;
  std::uint64_t max_queue = 0;
};

[[nodiscard]] bool HasRoom(const Candidate& candidate, const Bounds& bounds);
// A request given to it would wait for an application thread.
[[nodiscard]] bool IsLastResort(const Candidate& candidate);
// Counts one more connection that is on its way to it.
void CountAssigned(Candidate& candidate);

// For least-connections while callbacks are fast (callback_speed.h). Waking a worker then costs more than
// waiting behind a few other connections, so only as many workers are woken as can run at once.
struct Gathering {
  std::uint32_t slots = 0;  // how many can run at once; the lowest slot numbers are used
  std::uint64_t depth = 0;  // connections that a slot gets before another one is woken; 0: no gathering
};

class Balancer {
 public:
  explicit Balancer(DispatchPolicy policy) : policy_(policy) {}
  void SetPolicy(DispatchPolicy policy) { policy_ = policy; }
  void Gather(const Gathering& gathering) { gathering_ = gathering; }
  // True if the choice depends on the loads. False: on the turn or on the client.
  [[nodiscard]] bool ByLoad() const { return policy_ == DispatchPolicy::kLeastConnections; }
  [[nodiscard]] bool ByClient() const { return policy_ == DispatchPolicy::kClientHash; }

  // Makes the slot available for Choose, or updates its load.
  void Offer(std::uint32_t slot, std::uint64_t load, bool last_resort = false);
  // Makes the slot unavailable.
  void Withdraw(std::uint32_t slot);

  // Returns the slot to use; nullopt when none is offered. Changes nothing: call Took when the slot is used.
  // `client` is a hash of the client's address; only client-hash uses it.
  //   least-connections: the least loaded slot; among equals, the next in turn. While gathering: the least
  //     loaded of the first `slots` if its load is below `depth`, then the first slot below `depth`, and
  //     only then the least loaded of all.
  //   round-robin: the next slot in turn that is not of last resort.
  //   client-hash: the hash yields a series of slot numbers; the first offered one is used. A client
  //     without an address gets the least loaded slot. A client keeps its slot while that slot is offered,
  //     also as a last resort.
  //     A slot that leaves moves only its own clients; one that joins takes only the clients that hash to it.
  [[nodiscard]] std::optional<std::uint32_t> Choose(std::optional<std::uint64_t> client) const;
  // Records that `slot` was used: ties and turns continue behind it.
  void Took(std::uint32_t slot) { last_slot_ = slot; }

  // Length of a client's series. If no slot of it is offered, the next offered slot behind the last is used.
  static constexpr std::uint32_t kTries = 64;
  // Element `attempt` of a client's series, in [0, slots). Slot `slots` - 1 must be offered. With one more
  // slot the element stays the same or becomes the new slot.
  static std::uint32_t Series(std::uint64_t client, std::uint32_t attempt, std::uint32_t slots);

 private:
  static constexpr std::uint64_t kNone = std::numeric_limits<std::uint64_t>::max();
  // Added to the load of a slot of last resort. Loads are cut below it: a worker can write any into its row.
  static constexpr std::uint64_t kLastResort = std::uint64_t{1} << 62;

  void Grow(std::uint32_t slot);
  void Set(std::uint32_t slot, std::uint64_t load);
  // The first slot at or after `from` with a load of at most `load`.
  [[nodiscard]] std::optional<std::uint32_t> FirstFrom(std::uint64_t from, std::uint64_t load) const;
  // The same, starting behind the last used slot and wrapping around.
  [[nodiscard]] std::optional<std::uint32_t> NextInTurn(std::uint64_t load) const;
  [[nodiscard]] std::optional<std::uint32_t> Gathered() const;
  [[nodiscard]] std::optional<std::uint32_t> OfClient(std::uint64_t client) const;
  // The highest offered slot. Precondition: one is offered.
  [[nodiscard]] std::uint32_t Last() const;

  DispatchPolicy policy_;
  Gathering gathering_;
  std::uint32_t last_slot_ = 0;
  std::uint32_t leaves_ = 0;          // a power of two
  std::vector<std::uint64_t> least_;  // node 1 is the root, node i has the children 2i and 2i + 1
};

}  // namespace preforkd

#endif
