// Ledger: the master's account of where each connection is. The only writer of the account on the master's
// side.
//
//   accepted = in_progress + parked + finished + lost (Scoreboard::Account)
//
// Every function moves connections from one of these places to another, atomically for readers: no reader
// sees a connection twice or nowhere. A connection that the master holds and has not parked is `waiting`, a
// part of in_progress. A connection given to a slot is in that slot's row, where its worker continues the
// account (Tally).
#ifndef PREFORKD_COMMON_SCOREBOARD_LEDGER_H_
#define PREFORKD_COMMON_SCOREBOARD_LEDGER_H_

#include <cstdint>

#include "common/base/ids.h"
#include "common/base/return_reason.h"
#include "common/bounds/master_bounds.h"
#include "common/scoreboard/reasons.h"
#include "common/scoreboard/scoreboard.h"

namespace preforkd {

class Ledger {
 public:
  // `page` and `clients` must outlive the ledger. One ledger for each page. `clients`: who counts connections
  // by client address; nullptr: nobody.
  explicit Ledger(MasterPage& page, MasterBounds* clients = nullptr) : page_(page), clients_(clients) {}
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // ---- by client address; these change no other account ----
  // The master has the connection of that client, and parks it. `peer` is called only if needed.
  template <typename Peer>
  void ClientParked(ConnId id, Peer peer) {
    if (clients_ == nullptr) return;
    clients_->Holds(id, peer);
    clients_->TakesBack(id);
  }
  // A connection of that client is about to be sent to the slot.
  template <typename Peer>
  void ClientGiven(ConnId id, Slot slot, Peer peer) {
    if (clients_ == nullptr) return;
    clients_->Holds(id, peer);
    clients_->Gives(id, slot);
  }
  // The same, and only its worker will know the client: it is behind a proxy.
  void HiddenGiven(ConnId id, Slot slot) {
    if (clients_ == nullptr) return;
    clients_->HoldsHidden(id);
    clients_->Gives(id, slot);
  }
  // It has come back from a slot, handed back or untaken.
  void ClientBack(ConnId id) {
    if (clients_ != nullptr) clients_->TakesBack(id);
  }
  // It was lost on that way.
  void ClientLost(Slot slot, ConnId id) {
    if (clients_ != nullptr) clients_->EndsAt(slot, id);
  }
  // The worker of the slot may have noted much about its clients.
  void ClientsNoted(Slot slot) {
    if (clients_ != nullptr) clients_->ClientsNoted(slot);
  }
  // It is closed, or nobody will tell when it is.
  void ClientEnded(ConnId id) {
    if (clients_ != nullptr) clients_->Ends(id);
  }
  // The worker of the slot has ended.
  void ClientsEnded(Slot slot) {
    if (clients_ != nullptr) clients_->EndsAllOf(slot);
  }

  // ---- waiting ----
  // Connections were accepted.
  void Accepted(std::uint64_t connections);
  // Connections that the previous program accepted, counted and saved (upgrade).
  void Restored(std::uint64_t connections);
  // Waiting connections are closed: Lost by us for that reason, Closed by their client or their timeout.
  void Lost(LossReason reason, std::uint64_t connections = 1);
  void Closed();

  // ---- parked ----
  void Parked();
  void Woken();  // its client has sent something: it waits again
  void ClosedParked();
  void Evicted();  // closed by us for lack of room

  // ---- with a slot ----
  // Moves waiting connections to a slot's channel. The row counts them before they are sent, so that a worker
  // that is woken sees how many there are. The destructor moves those that the channel did not take back to
  // waiting.
  class HandOver {
   public:
    HandOver(Ledger& ledger, WorkerRow& row, std::uint64_t connections);
    ~HandOver();
    HandOver(const HandOver&) = delete;
    HandOver& operator=(const HandOver&) = delete;
    // The channel has accepted one more.
    void Sent(HandOverReason reason);

   private:
    Ledger& ledger_;
    WorkerRow& row_;
    std::uint64_t unsent_;
  };
  // Received back from the channel, untaken.
  void Reclaimed(WorkerRow& row, std::uint64_t connections);
  // The slot's worker has handed one back.
  void Returned(WorkerRow& row, ReturnReason reason);

  // ---- incarnations ----
  // A process of `pool` is about to be forked into the slot. It gets the connections that its predecessor
  // left in the channel. If the slot was in another pool, its totals restart at 0.
  void WorkerBegins(WorkerRow& row, Incarnation incarnation, Generation generation, PoolId pool, Time now);
  // The slot's process has ended. `untaken` connections are still in the channel; all others that it had are
  // lost for `reason`. Adds its counts to the totals and clears the row. Returns the number of lost
  // connections.
  std::uint64_t WorkerEnded(WorkerRow& row, std::uint64_t untaken, LossReason reason);
  // The slot has neither a process nor a channel any more, and so no connection.
  void SlotEmptied(WorkerRow& row);

 private:
  // Makes a change atomic for readers. Nests.
  class Change;

  MasterPage& page_;
  MasterBounds* clients_;
};

// Tally: a worker's account of the connections it has taken. The only writer of the account on that side.
class Tally {
 public:
  // Both must outlive the tally.
  Tally(WorkerRow& row, LoadMarks& marks, Slot slot) : row_(row), marks_(marks), slot_(slot) {}

  void Taken();
  void Finished();  // closed here, because the client wanted it or by its fault
  void Lost(LossReason reason);
  void Returned();     // sent to the master
  void NotReturned();  // the send failed: the connection is still here

 private:
  WorkerRow& row_;
  LoadMarks& marks_;
  Slot slot_;
};

}  // namespace preforkd

#endif
