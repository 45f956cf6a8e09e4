// SecondLook: whether the accept loop looks for another connection after the first one. Pure.
//
// A look that finds nothing is a system call for nothing, between accepting a client and waking its worker.
// But connections that wait are to be handed over together, which saves more. So it looks, unless the last
// batches had one connection each; then it looks once in a while, and what waits is reported again by the
// loop (level-triggered) before it sleeps.
#ifndef PREFORKD_MASTER_ACCEPT_SECOND_LOOK_H_
#define PREFORKD_MASTER_ACCEPT_SECOND_LOOK_H_

#include <cstdint>

namespace preforkd {

class SecondLook {
 public:
  // A batch begins. False: it is to end after the first connection.
  [[nodiscard]] bool Begin();
  // A connection of this batch.
  void Found() { ++found_; }

 private:
  std::uint32_t found_ = 0;
  bool looks_ = false;
  std::uint32_t single_ = 0;   // batches in a row that looked and found one connection at most
  std::uint32_t skipped_ = 0;  // batches since the last one that looked
};

}  // namespace preforkd

#endif
