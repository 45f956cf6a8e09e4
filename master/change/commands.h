// Commands: requests of the operator, by signal or over the control socket (preforkctl). Each request is
// answered once: at once, or when its change is done or refused.
#ifndef PREFORKD_MASTER_CHANGE_COMMANDS_H_
#define PREFORKD_MASTER_CHANGE_COMMANDS_H_

#include "common/control/control_message.h"
#include "master/change/master_parts.h"

namespace preforkd {

class Commands {
 public:
  explicit Commands(const MasterParts& parts) : parts_(parts) {}

  // `signo`: any signal that the master handles, except SIGCHLD.
  void OnSignal(int signo);
  // `answer` is called exactly once, from inside or later from the loop.
  void OnRequest(const ControlRequest& request, const ControlAnswer& answer);

  void Do(const Answer& action);
  void Do(const ReportWaiting& action);

 private:
  Asker SignalAsker();
  // Stops gracefully; the second call stops at once.
  void Stop();
  void Scale(const PoolSpec& pool, std::uint32_t workers);
  // Adds `by` to the worker count of the first pool.
  void Nudge(int by);
  // Reopens the log files after log rotation. `done` is called once, from inside or from the loop: all
  // processes write to the new files, or an error, at the latest after LogReopening::kTimeout.
  void ReopenLogs(LogReopening::Done done);
  ControlReply RequestScale(const ControlRequest& request);
  [[nodiscard]] std::uint32_t MaxWorkers(PoolId pool) const;
  ControlReply RequestRetire(Slot slot);

  MasterParts parts_;
};

}  // namespace preforkd

#endif
