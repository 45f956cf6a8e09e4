// ConnectionReturns: gives connections of this worker back to the master, as far as their sessions let them
// travel, and keeps the account of what went and what could not. Owned by the worker.
//
// It never ends a connection that could stay: only one that was already packed, when the master is gone.
#ifndef PREFORKD_WORKER_PROCESS_CONNECTION_RETURNS_H_
#define PREFORKD_WORKER_PROCESS_CONNECTION_RETURNS_H_

#include "common/scoreboard/ledger.h"
#include "common/wire/messages.h"
#include "worker/connection/connection_table.h"
#include "worker/connection/worker_env.h"
#include "worker/process/master_link.h"

namespace preforkd {

class ConnectionReturns {
 public:
  // All outlive it.
  ConnectionReturns(WorkerEnv& env, MasterLink& master, ConnectionTable& connections, Tally& tally);
  ConnectionReturns(const ConnectionReturns&) = delete;
  ConnectionReturns& operator=(const ConnectionReturns&) = delete;

  // Hands `connection` back and destroys it; false when it must stay, or ends in a moment.
  bool Return(LiveConnection& connection, ReturnReason reason);
  // Hands back what can travel of the connections beyond this worker's share of all. A worker that has just
  // joined has nothing, and connections that are never idle would never come to it.
  void ReturnSurplus();

 private:
  // A connection that was to go back and could not ends here.
  void CountUnreturned();

  WorkerEnv& env_;
  MasterLink& master_;
  ConnectionTable& connections_;
  Tally& tally_;
};

}  // namespace preforkd

#endif
