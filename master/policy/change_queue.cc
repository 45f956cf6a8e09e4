#include "master/policy/change_queue.h"

#include <utility>

namespace preforkd {

void ChangeQueue::Join(const std::optional<Asker>& asker) {
  if (asker) current_.push_back(*asker);
}

std::vector<WaiterId> ChangeQueue::TakeImpatient() {
  std::vector<WaiterId> impatient;
  std::erase_if(current_, [&](const Asker& asker) {
    if (!asker.wait) impatient.push_back(asker.id);
    return !asker.wait;
  });
  return impatient;
}

std::vector<WaiterId> ChangeQueue::TakeCurrent() {
  std::vector<WaiterId> ids;
  for (const Asker& asker : std::exchange(current_, {})) ids.push_back(asker.id);
  return ids;
}

bool ChangeQueue::Put(Wanted wanted, const std::optional<Asker>& asker) {
  if (asker) next_.push_back(*asker);
  return !std::exchange(wanted == Wanted::kUpgrade ? upgrade_wanted_ : reload_wanted_, true);
}

ChangeQueue::Wanted ChangeQueue::TakeNext() {
  const bool upgrade = std::exchange(upgrade_wanted_, false);
  const bool reload = std::exchange(reload_wanted_, false);
  if (!upgrade && !reload) return Wanted::kNothing;
  current_.insert(current_.end(), next_.begin(), next_.end());
  next_.clear();
  return upgrade ? Wanted::kUpgrade : Wanted::kReload;
}

std::vector<WaiterId> ChangeQueue::TakeAll() {
  (void)TakeNext();
  return TakeCurrent();
}

}  // namespace preforkd
