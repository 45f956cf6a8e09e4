// DescriptorBudget: how many descriptors this process may still open. One for each process; asked before a
// client is accepted or taken.
//
// The caller knows only an upper bound of the open descriptors, which costs nothing to maintain. If the bound
// comes near RLIMIT_NOFILE, the exact answer is found by opening and closing descriptors.
#ifndef PREFORKD_COMMON_PROCESS_DESCRIPTOR_BUDGET_H_
#define PREFORKD_COMMON_PROCESS_DESCRIPTOR_BUDGET_H_

#include <cstdint>
#include <functional>
#include <utility>

namespace preforkd {

class DescriptorBudget {
 public:
  // Not used for clients: kept free for what must not fail, such as receiving from a worker, reclaiming from
  // a stuck one, a fork, a log file, the configuration.
  static constexpr std::uint64_t kReserve = 16;

  // `in_use_at_most`: an upper bound of the descriptors open now.
  explicit DescriptorBudget(std::function<std::uint64_t()> in_use_at_most)
      : in_use_at_most_(std::move(in_use_at_most)) {}

  // True if the bound leaves room for `wanted` more besides the reserve. False: there may still be room.
  [[nodiscard]] bool HasPlenty(std::uint64_t wanted) const;
  // True if there is room for one more client besides the reserve.
  [[nodiscard]] bool HasRoomForClient() const;
  // True if a connection can be received, with two descriptors, also into the reserve. Ask before: recvmsg(2)
  // into a full table succeeds and loses it.
  [[nodiscard]] bool HasRoomToReceive() const;

 private:
  std::function<std::uint64_t()> in_use_at_most_;
};

}  // namespace preforkd

#endif
