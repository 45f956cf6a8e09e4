#include "master/policy/change/change_queue.h"

#include <utility>

namespace preforkd {

void ChangeQueue::Join(const std::optional<Asker>& asker) {
  if (asker) current_.push_back(*asker);
}

std::vector<WaiterId> ChangeQueue::TakeNotWaiting() {
  std::vector<WaiterId> ids;
  std::erase_if(current_, [&](const Asker& asker) {
    if (!asker.wait) ids.push_back(asker.id);
    return !asker.wait;
  });
  return ids;
}

std::vector<WaiterId> ChangeQueue::TakeCurrent() {
  std::vector<WaiterId> ids;
  for (const Asker& asker : std::exchange(current_, {})) ids.push_back(asker.id);
  return ids;
}

bool ChangeQueue::Put(Wanted wanted, const std::optional<Asker>& asker) {
  const bool upgrade = wanted == Wanted::kUpgrade;
  if (asker) (upgrade ? next_upgrade_ : next_reload_).push_back(*asker);
  return !std::exchange(upgrade ? upgrade_wanted_ : reload_wanted_, true);
}

ChangeQueue::Wanted ChangeQueue::TakeNext() {
  if (!upgrade_wanted_ && !reload_wanted_) return Wanted::kNothing;
  const bool upgrade = upgrade_wanted_;
  (upgrade ? upgrade_wanted_ : reload_wanted_) = false;
  std::vector<Asker>& next = upgrade ? next_upgrade_ : next_reload_;
  current_.insert(current_.end(), next.begin(), next.end());
  next.clear();
  return upgrade ? Wanted::kUpgrade : Wanted::kReload;
}

std::vector<WaiterId> ChangeQueue::TakeAll() {
  while (TakeNext() != Wanted::kNothing) {
  }
  return TakeCurrent();
}

}  // namespace preforkd
