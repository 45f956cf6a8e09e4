// Ledger: the master's book of where each connection is. The only writer of the account on the master's side.
//
//   accepted = in_progress + parked + finished + lost (Scoreboard::Account)
//
// Every verb moves connections from one of these places to another, and is one moment for those who read:
// nobody sees a connection twice or nowhere. A connection that is in the master's hands and not parked is
// `waiting`, a part of in_progress; one that a slot has been given is in that slot's row, where its worker
// goes on (Tally).
#ifndef PREFORKD_COMMON_SCOREBOARD_LEDGER_H_
#define PREFORKD_COMMON_SCOREBOARD_LEDGER_H_

#include <cstdint>

#include "common/base/ids.h"
#include "common/base/return_reason.h"
#include "common/scoreboard/reasons.h"
#include "common/scoreboard/scoreboard.h"

namespace preforkd {

class Ledger {
 public:
  // `page` outlives the ledger. One for a page.
  explicit Ledger(MasterPage& page) : page_(page) {}
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // ---- waiting ----
  // Have been accepted.
  void Accepted(std::uint64_t connections);
  // Were held by this process as another program, which has counted them as accepted (upgrade).
  void Restored(std::uint64_t connections);
  // Waiting ones are closed: given up by us for that reason, or ended by their client or their time.
  void Lost(LossReason reason, std::uint64_t connections = 1);
  void Closed();

  // ---- parked ----
  void Parked();
  void Woken();  // its client has spoken: it waits again
  void ClosedParked();
  void Evicted();  // closed for lack of room, while neither its client nor its time wanted it

  // ---- with a slot ----
  // Waiting connections on their way into a slot's channel. The row counts them before they are sent, so that
  // a worker who is woken knows how many there are; those that the channel did not take wait again when this
  // ends.
  class HandOver {
   public:
    HandOver(Ledger& ledger, WorkerRow& row, std::uint64_t connections);
    ~HandOver();
    HandOver(const HandOver&) = delete;
    HandOver& operator=(const HandOver&) = delete;
    // The channel has one more.
    void Sent(HandOverReason reason);

   private:
    Ledger& ledger_;
    WorkerRow& row_;
    std::uint64_t unsent_;
  };
  // The channel has given them back untaken.
  void Reclaimed(WorkerRow& row, std::uint64_t connections);
  // The slot's worker has handed one back.
  void Returned(WorkerRow& row, ReturnReason reason);

  // ---- incarnations ----
  // A process of `pool` is about to be forked into the slot. What its predecessor has left in the channel is
  // its own from now on. A slot that was in another pool begins its totals anew.
  void WorkerBegins(WorkerRow& row, Incarnation incarnation, Generation generation, PoolId pool, Time now);
  // The slot's process has ended. `untaken` connections are still in the channel; all others that it had are
  // lost for `reason`. What it has counted is added to the totals, and the row is cleared. The number of
  // connections lost.
  std::uint64_t WorkerEnded(WorkerRow& row, std::uint64_t untaken, LossReason reason);
  // The slot has neither a process nor a channel any more, and so no connection.
  void SlotEmptied(WorkerRow& row);

 private:
  // One moment for readers. Nests.
  class Change;

  MasterPage& page_;
};

// The same in a worker, of the connections that it has taken. The only writer of the account on that side.
class Tally {
 public:
  // Both outlive the tally.
  Tally(WorkerRow& row, LoadMarks& marks, Slot slot) : row_(row), marks_(marks), slot_(slot) {}

  void Taken();
  void Finished();  // closed here, by the client's will or its fault
  void Lost(LossReason reason);
  void Returned();     // sent back
  void NotReturned();  // what was to be sent back could not be: it is here again

 private:
  WorkerRow& row_;
  LoadMarks& marks_;
  Slot slot_;
};

}  // namespace preforkd

#endif
