// ChangeQueue: the askers of the change under way, and the changes that wait for it with their askers. Pure.
//
// Every asker that is put in is returned exactly once, to be answered.
#ifndef PREFORKD_MASTER_POLICY_CHANGE_CHANGE_QUEUE_H_
#define PREFORKD_MASTER_POLICY_CHANGE_CHANGE_QUEUE_H_

#include <optional>
#include <vector>

#include "master/policy/change/change_actions.h"

namespace preforkd {

// A request for a change. `wait`: answer it with the outcome; otherwise as soon as the change has begun.
struct Asker {
  WaiterId id{};
  bool wait = false;
};

class ChangeQueue {
 public:
  enum class Wanted { kNothing, kReload, kUpgrade };

  // ---- the change under way ----
  // Adds an asker; nullopt (a signal): no effect.
  void Join(const std::optional<Asker>& asker);
  // Removes and returns the askers that do not wait for the outcome.
  std::vector<WaiterId> TakeNotWaiting();
  // Removes and returns all askers of the change under way.
  std::vector<WaiterId> TakeCurrent();

  // ---- the next change ----
  // Queues a reload or an upgrade. True: it is the first of its kind in the queue.
  bool Put(Wanted wanted, const std::optional<Asker>& asker);
  // Removes the next change; its askers join the change under way. An upgrade goes first: if it succeeds, it
  // also does the work of a queued reload, because the new program reads the configuration. If it is refused,
  // the reload runs next.
  Wanted TakeNext();

  // Empties the queue. Returns all askers, of the change under way too.
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
