#include "common/structures/deadline_heap.h"

#include <utility>

#include "common/base/check.h"

namespace preforkd {

void DeadlineHeap::Add(Entry& entry) {
  PF_CHECK(entry.place_ == Entry::kNowhere, "a deadline is in a heap already");
  entries_.push_back(nullptr);
  Rise(entries_.size() - 1, entry);
}

void DeadlineHeap::Remove(Entry& entry) {
  if (entry.place_ == Entry::kNowhere) return;
  const std::size_t place = std::exchange(entry.place_, Entry::kNowhere);
  Entry& last = *entries_.back();
  entries_.pop_back();
  if (place == entries_.size()) return;  // it was the last one
  if (place > 0 && last.at < entries_[(place - 1) / 2]->at) {
    Rise(place, last);
  } else {
    Sink(place, last);
  }
}

void DeadlineHeap::Put(std::size_t place, Entry& entry) {
  entries_[place] = &entry;
  entry.place_ = static_cast<std::uint32_t>(place);
}

void DeadlineHeap::Rise(std::size_t place, Entry& entry) {
  while (place > 0) {
    Entry& parent = *entries_[(place - 1) / 2];
    if (parent.at <= entry.at) break;
    Put(std::exchange(place, (place - 1) / 2), parent);
  }
  Put(place, entry);
}

void DeadlineHeap::Sink(std::size_t place, Entry& entry) {
  for (;;) {
    std::size_t child = 2 * place + 1;
    if (child >= entries_.size()) break;
    if (child + 1 < entries_.size() && entries_[child + 1]->at < entries_[child]->at) ++child;
    if (entry.at <= entries_[child]->at) break;
    Put(std::exchange(place, child), *entries_[child]);
  }
  Put(place, entry);
}

}  // namespace preforkd
