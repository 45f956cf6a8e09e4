#include "master/change/waiters.h"

#include <utility>

#include "common/base/check.h"

namespace preforkd {

WaiterId Waiters::Add(ControlAnswer answer) {
  const auto id = static_cast<WaiterId>(++last_);
  answers_[id] = std::move(answer);
  return id;
}

void Waiters::Answer(const std::vector<WaiterId>& waiters, const ControlReply& reply) {
  for (const WaiterId id : waiters) {
    const auto waiter = answers_.extract(id);  // removed first: the answer may add the next request
    PF_CHECK(!waiter.empty(), "a request is answered twice");
    waiter.mapped()(reply);
  }
}

void Waiters::Dismiss(const ControlReply& reply) {
  for (auto& [id, answer] : answers_) std::exchange(answer, [](const ControlReply&) {})(reply);
}

}  // namespace preforkd
