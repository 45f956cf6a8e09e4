#include "worker/process/retirement.h"

#include "common/base/log.h"

namespace preforkd {

Retirement::Retirement(WorkerEnv& env, MasterLink& master, ConnectionTable& connections,
                       ConnectionReturns& returns)
    : env_(env),
      master_(master),
      connections_(connections),
      returns_(returns),
      drain_deadline_(env.loop, EventLoop::kPriorityControl, [this] { OnDrainTimeout(); }) {
  master_.OnDrained([this] { LeaveIfDone(); });
}

void Retirement::Begin(Duration drain_timeout) {
  env_.retiring = true;
  if (const Status status = master_.SetReading(false); !status.Ok())
    log::Error(log::kSystemCallFailed, "{}", status.Err().text);
  drain_deadline_.SetAfter(drain_timeout);
  connections_.ForEach([this](LiveConnection& connection) {
    if (!returns_.Return(connection, ReturnReason::kRetiring)) connection.Retire();
  });
  LeaveIfDone();
}

void Retirement::OnDrainTimeout() {
  log::Warning({log::kDrainTimeout, {{"connections", connections_.Size()}}},
               "drain_timeout has passed: closing {} unfinished connections", connections_.Size());
  connections_.ForEach([](LiveConnection& connection) { connection.End(LossReason::kDrain); });
  Leave();
}

void Retirement::LeaveIfDone() {
  if (!env_.retiring || over_ || !connections_.Empty() || !master_.Drained()) return;
  Leave();
}

void Retirement::Abort(WorkerExit code) {
  exit_ = code;
  Leave();
}

void Retirement::Leave() {
  over_ = true;
  env_.loop.Stop();
}

}  // namespace preforkd
