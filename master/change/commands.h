// Commands: what the operator may ask of the server, with a signal or over the control socket (preforkctl).
// Each request is answered once: at once, or when what it asked for has been done or refused.
#ifndef PREFORKD_MASTER_CHANGE_COMMANDS_H_
#define PREFORKD_MASTER_CHANGE_COMMANDS_H_

#include "common/control/control_message.h"
#include "master/change/master_parts.h"

namespace preforkd {

class Commands {
 public:
  explicit Commands(const MasterParts& parts) : parts_(parts) {}

  // Any signal that the master hears but SIGCHLD.
  void OnSignal(int signo);
  void OnRequest(const ControlRequest& request, const ControlAnswer& answer);

  void Do(const Answer& action);
  void Do(const ReportWaiting& action);

 private:
  Asker SignalAsker();
  // Gracefully; the second time at once.
  void Stop();
  void Scale(const PoolSpec& pool, std::uint32_t workers);
  void Nudge(int by);
  // Opens the log files anew, after they have been moved away. `done` is called once, from the loop or from
  // inside: all processes write to the new files, or why not (in time).
  void ReopenLogs(LogReopening::Done done);
  ControlReply RequestScale(const ControlRequest& request);
  [[nodiscard]] std::uint32_t MostWorkers(PoolId pool) const;
  ControlReply RequestRetire(Slot slot);

  MasterParts parts_;
};

}  // namespace preforkd

#endif
