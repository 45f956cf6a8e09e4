#include "common/scoreboard/ledger.h"

#include <algorithm>
#include <atomic>

#include "common/base/check.h"

namespace preforkd {
namespace {

// Never below 0: a misbehaving worker may have written anything into its row.
void Subtract(Counter& counter, std::uint64_t amount) {
  Set(counter, Get(counter) - std::min(Get(counter), amount));
}

}  // namespace

// MasterPage::ledger is odd while a change is under way (Scoreboard::ReadAtOneMoment).
class Ledger::Change {
 public:
  explicit Change(MasterPage& page) : page_(page), outermost_(Sequence() % 2 == 0) {
    if (!outermost_) return;
    page_.ledger.store(Sequence() + 1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
  }
  ~Change() {
    if (outermost_) page_.ledger.store(Sequence() + 1, std::memory_order_release);
  }
  Change(const Change&) = delete;
  Change& operator=(const Change&) = delete;

 private:
  [[nodiscard]] std::uint32_t Sequence() const { return page_.ledger.load(std::memory_order_relaxed); }

  MasterPage& page_;
  bool outermost_;
};

// ---- waiting ----

void Ledger::Accepted(std::uint64_t connections) {
  const Change change(page_);
  Add(page_.accepted, connections);
  Add(page_.waiting, connections);
}

void Ledger::Restored(std::uint64_t connections) {
  const Change change(page_);
  Add(page_.waiting, connections);
}

void Ledger::Lost(LossReason reason, std::uint64_t connections) {
  const Change change(page_);
  Subtract(page_.waiting, connections);
  Add(page_.lost, connections);
  Add(page_.lost_by[static_cast<std::size_t>(reason)], connections);
}

void Ledger::Closed() {
  const Change change(page_);
  Subtract(page_.waiting, 1);
  Add(page_.closed_parked);
}

// ---- parked ----

void Ledger::Parked() {
  const Change change(page_);
  Subtract(page_.waiting, 1);
  Add(page_.parked);
}

void Ledger::Woken() {
  const Change change(page_);
  Subtract(page_.parked, 1);
  Add(page_.waiting);
}

void Ledger::ClosedParked() {
  const Change change(page_);
  Subtract(page_.parked, 1);
  Add(page_.closed_parked);
}

void Ledger::Evicted() {
  const Change change(page_);
  ClosedParked();
  Add(page_.evicted);
}

// ---- with a slot ----

Ledger::HandOver::HandOver(Ledger& ledger, WorkerRow& row, std::uint64_t connections)
    : ledger_(ledger), row_(row), unsent_(connections) {
  const Change change(ledger_.page_);
  Subtract(ledger_.page_.waiting, connections);
  Add(row_.handed_over, connections);
}

void Ledger::HandOver::Sent(HandOverReason reason) {
  PF_CHECK(unsent_ > 0, "more connections sent than there were");
  --unsent_;
  Add(ledger_.page_.handed_over[reason]);
}

Ledger::HandOver::~HandOver() {
  if (unsent_ == 0) return;
  const Change change(ledger_.page_);
  Subtract(row_.handed_over, unsent_);
  Add(ledger_.page_.waiting, unsent_);
}

void Ledger::Reclaimed(WorkerRow& row, std::uint64_t connections) {
  if (connections == 0) return;
  const Change change(page_);
  Add(row.reclaimed, connections);
  Add(page_.reclaimed, connections);
  Add(page_.waiting, connections);
}

void Ledger::Returned(WorkerRow& row, ReturnReason reason) {
  const Change change(page_);
  Add(row.handed_back);
  Add(page_.handed_back[reason]);
  Add(page_.waiting);
}

// ---- incarnations ----

void Ledger::WorkerBegins(WorkerRow& row, Incarnation incarnation, Generation generation, PoolId pool,
                          Time now) {
  const Change change(page_);
  const std::uint64_t untaken = row.InProgress();  // left by WorkerEnded, minus those reclaimed since
  row.Clear();
  if (Get(row.pool) != Raw(pool)) {
    Add(page_.requests_moved, Get(row.before.requests));
    row.before.Clear();
    Set(row.pool, Raw(pool));
  }
  Set(row.handed_over, untaken);
  Set(row.incarnation, Raw(incarnation));
  Set(row.generation, Raw(generation));
  Set(row.started_ns, static_cast<std::uint64_t>(ToNanoseconds(now)));
}

std::uint64_t Ledger::WorkerEnded(WorkerRow& row, std::uint64_t untaken, LossReason reason) {
  const Change change(page_);
  const std::uint64_t in_progress = row.InProgress();
  const std::uint64_t left = std::min(untaken, in_progress);
  const std::uint64_t lost = in_progress - left;
  Add(page_.lost, lost + Get(row.lost));
  Add(page_.lost_by[static_cast<std::size_t>(reason)], lost);
  for (std::size_t i = 0; i < kLossReasons; ++i) Add(page_.lost_by[i], Get(row.lost_by[i]));
  Add(page_.finished_before, Get(row.finished));
  page_.dispatch_wait_before.AddUp(row.dispatch_wait);
  for (std::size_t i = 0; i < kMaxModuleCounters; ++i)
    Add(page_.module_counts_before[i], Get(row.module_counts[i]));
  page_.handshakes_before.AddUp(row.handshakes);
  row.AddToTotals();
  row.Clear();
  Set(row.handed_over, left);
  return lost;
}

void Ledger::SlotEmptied(WorkerRow& row) {
  const Change change(page_);
  row.Clear();
}

// ---- in a worker ----

void Tally::Taken() {
  Add(row_.taken);
  // What is on its way takes a thread, and what is taken takes none before its request is complete.
  if (Get(row_.threads) > 0) marks_.Mark(slot_);
}

void Tally::Finished() {
  Add(row_.finished);
  marks_.Mark(slot_);
}

void Tally::Lost(LossReason reason) {
  Add(row_.lost_by[static_cast<std::size_t>(reason)]);
  Add(row_.lost);
  marks_.Mark(slot_);
}

void Tally::Returned() { Add(row_.returned); }

void Tally::NotReturned() { Set(row_.returned, Get(row_.returned) - 1); }

}  // namespace preforkd
