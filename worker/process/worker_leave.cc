// How connections leave a worker, back to the master or for good, and how it leaves itself: when it has been told to, and
// has none any more.
#include "common/base/log.h"
#include "worker/process/worker.h"

namespace preforkd {
namespace {

const char* InWords(ReturnReason reason) {
  switch (reason) {
    case ReturnReason::kIdle: return "it is idle";
    case ReturnReason::kRetiring: return "this worker retires";
    case ReturnReason::kOverShare: return "others have fewer";
  }
  return "?";
}

}  // namespace

void Worker::Retire() {
  env_->retiring = true;
  if (const Status status = master_.SetListening(false); !status.Ok()) log::Error("{}", status.Err().text);
  drain_deadline_.SetAfter(start_.pool->supervision.drain_timeout);
  connections_.ForEach([this](LiveConnection& connection) {
    if (!HandBackIdle(connection, ReturnReason::kRetiring)) connection.Retire();
  });
  LeaveIfDone();
}

bool Worker::HandBackIdle(LiveConnection& connection, ReturnReason reason) {
  // When the whole server stops nobody else would get it: who has spoken is answered here.
  const MasterPage& master = env_->scoreboard.Master();
  const bool server_stops = master.state.load(std::memory_order_relaxed) == MasterState::kStopping;
  if (server_stops && connection.Client().HasInput()) return false;
  std::optional<Luggage> luggage = connection.Pack();
  if (!luggage) return false;
  // Nor would anybody do what is left to do.
  if (luggage->wake && (server_stops || master_.MasterGone())) return false;
  HandBack message;
  message.id = env_->id;
  message.reason = reason;
  message.wake_now = luggage->wake;
  message.idle_left_ns = luggage->idle_for.count();
  message.parcel = connection.Client().TakeParcel();
  message.parcel.unread = std::move(luggage->unread);
  message.parcel.context = std::move(luggage->context);
  log::Debug(message.parcel.id, "handed back: {}", InWords(reason));
  if (master_.Send(message)) {
    tally_.Returned();
  } else {
    CountUnreturned();
  }
  connections_.Remove(connection);
  return true;
}

// A connection that was to go back and could not ends here.
void Worker::CountUnreturned() {
  if (master_.MasterGone()) {
    tally_.Finished();  // it was idle, and the server has ended
  } else {
    tally_.Lost(LossReason::kRefused);
  }
}

void Worker::LeaveIfDone() {
  if (!env_->retiring || leaving_ || !connections_.Empty() || !master_.Drained()) return;
  leaving_ = true;
  env_->loop.Stop();
}

void Worker::Abort(WorkerExit code) {
  exit_ = code;
  leaving_ = true;
  env_->loop.Stop();
}

void Worker::OnConnectionClosed(LiveConnection& connection) {
  connection.LogEnd();
  if (const auto reason = connection.Loss()) {
    tally_.Lost(*reason);
  } else {
    tally_.Finished();
  }
  connections_.Remove(connection);
  LeaveIfDone();
}

void Worker::OnConnectionIdle(LiveConnection& connection) {
  const ReturnReason reason = env_->retiring ? ReturnReason::kRetiring : ReturnReason::kIdle;
  if (HandBackIdle(connection, reason)) LeaveIfDone();
}

}  // namespace preforkd
