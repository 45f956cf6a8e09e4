// DescriptorBudget: how many descriptors this process may still use. One for a process; whoever is about to
// take in a client asks it.
//
// What is open is known only as a bound, which costs nothing to keep. Where the bound comes near
// RLIMIT_NOFILE the table itself is asked, by opening and closing: that is exact.
#ifndef PREFORKD_COMMON_PROCESS_DESCRIPTOR_BUDGET_H_
#define PREFORKD_COMMON_PROCESS_DESCRIPTOR_BUDGET_H_

#include <cstdint>
#include <functional>
#include <utility>

namespace preforkd {

class DescriptorBudget {
 public:
  // Kept free by those who take in clients for what must not fail: receiving from a worker, taking back from
  // a stuck one, a fork, a log, the configuration.
  static constexpr std::uint64_t kReserve = 16;

  // `in_use_at_most`: a bound of what is open now.
  explicit DescriptorBudget(std::function<std::uint64_t()> in_use_at_most)
      : in_use_at_most_(std::move(in_use_at_most)) {}

  // The bound says that there is room for `wanted` more beside the reserve. False: there may be all the same.
  [[nodiscard]] bool HasPlenty(std::uint64_t wanted) const;
  // There is room for one more client beside the reserve.
  [[nodiscard]] bool HasRoomForClient() const;
  // There is a free descriptor, be it one of the reserve. Ask before receiving one: recvmsg(2) into a full
  // table succeeds, and loses it.
  [[nodiscard]] bool HasAny() const;

 private:
  std::function<std::uint64_t()> in_use_at_most_;
};

}  // namespace preforkd

#endif
