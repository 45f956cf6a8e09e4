// ConnectionReturns: hands connections of this worker back to the master, as far as their sessions can
// travel, and books the results. Owned by the worker.
//
// It ends no connection that could stay; the exception is one that was already packed when the master ended.
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
  // The arguments must outlive this object.
  ConnectionReturns(WorkerEnv& env, MasterLink& master, ConnectionTable& connections, Tally& tally);
  ConnectionReturns(const ConnectionReturns&) = delete;
  ConnectionReturns& operator=(const ConnectionReturns&) = delete;

  // Hands `connection` back and destroys it. False if it stays, or is about to end.
  bool Return(LiveConnection& connection, ReturnReason reason);
  // Hands back the connections beyond this worker's share, as far as they can travel. Without this, a new
  // worker would never get connections that are never idle.
  void ReturnSurplus();

 private:
  // Books the end of a connection that could not be handed back.
  void CountUnreturned();

  WorkerEnv& env_;
  MasterLink& master_;
  ConnectionTable& connections_;
  Tally& tally_;
};

}  // namespace preforkd

#endif
