#include "master/change/stopper.h"

#include "common/base/log.h"

namespace preforkd {

void Stopper::Do(const AnnounceStop& action) {
  parts_.manager.Stopping(action.stop_by);
  if (action.delay == Duration(0)) return;
  log::Notice({log::kStopDelay, {{"seconds", Seconds(action.delay)}}},
              "stopping: not ready any more; new connections are accepted for {:g} s", Seconds(action.delay));
}

void Stopper::Do(const CloseListeners& action) {
  log::Notice({log::kStopping, {{"seconds", Seconds(action.stop_by - Now())}}},
              "stopping: no new connections; workers have {:.0f} s to finish",
              Seconds(action.stop_by - Now()));
  parts_.listeners.Close();
  parts_.parking.CloseIdle();
  parts_.dispatcher.StopWaitingForThreads();
  parts_.dispatcher.Flush();
  if (!parts_.dispatcher.Congested()) parts_.changes.Tell([](Change& change) { change.OnDrained(); });
}

void Stopper::Do(const StopWorkers& action) {
  if (!parts_.supervisor.Workers().Stopping())
    parts_.supervisor.Stop(action.stop_by);  // the fleet may have given up already
}

void Stopper::Do(const StopAtOnce&) {
  parts_.listeners.Close();
  log::Notice(log::kStoppingNow, "stopping at once");
  parts_.parking.CloseIdle();
  parts_.dispatcher.GiveUpWaiting(LossReason::kStopped);
  parts_.supervisor.StopAtOnce();  // from here on no slot takes anything
}

}  // namespace preforkd
