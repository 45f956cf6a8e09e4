// How the master stops: gracefully, in an order in which nobody is cut off who ends in time, or at once.
#include <fmt/format.h>

#include "common/base/log.h"
#include "master/master.h"

namespace preforkd {

void Master::BeginStop() {
  stopping_ = true;
  preflight_.reset();
  replacing_ = false;
  AnswerReload(Refusal("the server is stopping"));
  SetState(MasterState::kStopping);
}

// First whoever asks is told that we are not ready, and for stop_delay nothing else changes: a load balancer needs a
// moment to hear it, and whom it sends until then must find us. Who is not served yet needs no such moment.
void Master::StopGracefully() {
  BeginStop();
  const SupervisionConfig& config = serving_.config->supervision;
  const Duration delay = can_serve_ ? config.stop_delay : Duration(0);
  stop_by_ = Now() + delay + config.drain_timeout;
  manager_.Stopping(stop_by_);
  if (delay == Duration(0)) return Drain();
  log::Notice("stopping: not ready any more; new connections are taken for {:g} s", Seconds(delay));
  stop_delay_.SetAfter(delay);
}

void Master::CloseListeners() {
  closed_ = true;
  stop_delay_.Cancel();
  listeners_.Close();
}

// Listeners first, so that nothing new comes; then, when nothing that was accepted waits here any more, the
// workers.
void Master::Drain() {
  log::Notice("stopping: no new connections; workers have {:.0f} s to finish", Seconds(stop_by_ - Now()));
  CloseListeners();
  parking_.Stop();
  dispatcher_.Flush();
  if (dispatcher_.Congested()) {
    stop_deadline_.SetAt(stop_by_);
  } else {
    FinishStop();
  }
}

void Master::FinishStop() {
  stop_deadline_.Cancel();
  if (!supervisor_.Stopping()) supervisor_.Stop(stop_by_);
}

void Master::StopNow() {
  if (!stopping_) {
    BeginStop();
    manager_.Stopping(Now());
  }
  CloseListeners();
  log::Notice("stopping at once");
  parking_.Stop();
  dispatcher_.StopDispatching();
  supervisor_.StopAtOnce();
}

}  // namespace preforkd
