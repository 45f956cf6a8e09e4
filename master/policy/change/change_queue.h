// ChangeQueue: who waits for the change under way, and which change has to wait for it, and for whom. Pure.
//
// Every asker that is taken in is given back exactly once, as one to be answered.
#ifndef PREFORKD_MASTER_POLICY_CHANGE_CHANGE_QUEUE_H_
#define PREFORKD_MASTER_POLICY_CHANGE_CHANGE_QUEUE_H_

#include <optional>
#include <vector>

#include "master/policy/change/change_actions.h"

namespace preforkd {

// Who asks for a change over the control socket. `wait`: for the outcome; otherwise only until it has begun.
struct Asker {
  WaiterId id{};
  bool wait = false;
};

class ChangeQueue {
 public:
  enum class Wanted { kNothing, kReload, kUpgrade };

  // ---- for the change under way ----
  void Join(const std::optional<Asker>& asker);
  // Those who have asked only for its beginning.
  std::vector<WaiterId> TakeImpatient();
  // All.
  std::vector<WaiterId> TakeCurrent();

  // ---- for the one after it ----
  // `wanted` is a reload or an upgrade. True: it is the first of its kind.
  bool Put(Wanted wanted, const std::optional<Asker>& asker);
  // What is to begin; its waiters are those of the change under way from now on. An upgrade goes first: one
  // that succeeds is the reload that waits, too, because the new program reads the configuration. After one
  // that is refused the reload has its turn.
  Wanted TakeNext();

  // All who wait for anything. Nothing is wanted any more.
  std::vector<WaiterId> TakeAll();

 private:
  std::vector<Asker> current_;
  std::vector<Asker> next_reload_;
  std::vector<Asker> next_upgrade_;
  bool reload_wanted_ = false;
  bool upgrade_wanted_ = false;
};

}  // namespace preforkd

#endif
