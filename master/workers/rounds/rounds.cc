#include "master/workers/rounds/rounds.h"

#include <random>
#include <utility>

#include "master/workers/slots/foreign_boards.h"

namespace preforkd {

Rounds::Rounds(const SupervisorParts& parts, ExtraWorkers& extras, ExitReports& reports,
               std::function<void()> on_done)
    : parts_(parts),
      extras_(extras),
      reports_(reports),
      on_done_(std::move(on_done)),
      timer_(parts.loop, EventLoop::kPriorityControl, [this] { Make(); }),
      self_report_(parts.Page()),
      hangs_(parts),
      recycling_(parts, std::random_device{}()) {}

void Rounds::Make() {
  const Time now = Now();
  self_report_.Publish();
  const std::size_t held = Get(parts_.Page().parked) + Get(parts_.Page().waiting);
  heap_.Check(held, held, Get(parts_.Page().use.rss_bytes), now);
  CheckForeignBoards();
  reports_.Update(now);
  hangs_.Judge(now);
  recycling_.Replace(now);
  extras_.ReleaseUnneeded(now);
  timer_.SetAfter(hangs_.Interval());
  on_done_();
}

void Rounds::CheckForeignBoards() {
  for (const auto& slot : parts_.slots.All()) slot->RefreshTexts();
  for (const auto& board : ForeignBoards(parts_.slots)) board->CollectDropped();
}

}  // namespace preforkd
