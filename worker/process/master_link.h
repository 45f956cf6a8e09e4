// MasterLink: the worker's end of the channel. Sends in order, never blocks, never drops: what the channel
// has no room for now waits here and goes out when it has.
#ifndef PREFORKD_WORKER_PROCESS_MASTER_LINK_H_
#define PREFORKD_WORKER_PROCESS_MASTER_LINK_H_

#include <deque>
#include <functional>
#include <string>

#include "common/base/unique_fd.h"
#include "common/channel/channel_end.h"
#include "common/channel/fd_message.h"
#include "common/event/event_loop.h"
#include "common/event/fd_watch.h"
#include "common/event/timer.h"
#include "common/structures/rate_limit.h"

namespace preforkd {

class MasterLink {
 public:
  // `on_readable`: something has arrived, or the master has closed its side.
  MasterLink(EventLoop& loop, UniqueFd channel, std::function<void()> on_readable);

  // False: the master is gone; the message (with its descriptor) is unchanged and the caller's.
  bool Send(Ready& message) { return SendAny(message); }
  bool Send(ReplaceMe& message) { return SendAny(message); }
  bool Send(HandBack& message) { return SendAny(message); }
  bool Send(LogReopened& message) { return SendAny(message); }

  [[nodiscard]] Reception<MasterToWorker> Receive() const { return end_.ReceiveFromMaster(); }
  // The master has told us to leave, or is gone; asked without receiving.
  [[nodiscard]] bool MasterHasShutDown() const;
  // Listen for messages, or not.
  Status SetReading(bool listening);
  // Nothing is waiting to be sent.
  [[nodiscard]] bool Drained() const { return outbox_.empty(); }
  [[nodiscard]] bool MasterGone() const { return master_gone_; }
  // A message that Send had accepted could not be sent after all; called for each that carried a connection,
  // which is closed with it.
  void OnDropped(std::function<void()> callback) { on_dropped_ = std::move(callback); }
  // Called when Drained() becomes true.
  void OnDrained(std::function<void()> callback) { on_drained_ = std::move(callback); }

 private:
  struct Waiting {
    std::string bytes;
    UniqueFd fd;
    int refusals = 0;
  };

  template <typename Message>
  bool SendAny(Message& message);
  // Gives the message's descriptor up: it has been sent, or waits in the outbox.
  static UniqueFd TakeFd(Ready&) { return {}; }
  static UniqueFd TakeFd(ReplaceMe&) { return {}; }
  static UniqueFd TakeFd(LogReopened&) { return {}; }
  static UniqueFd TakeFd(HandBack& message) { return std::move(message.parcel.fd); }

  void OnReady(Interest ready);
  void FlushOutbox();
  // The front of the outbox goes later.
  void NoteFull(SendOutcome outcome);
  // The kernel refuses the front of the outbox. False: it is tried again.
  bool GiveUp(int errnum);
  Status UpdateWatch();
  // The same, tried again until it succeeds.
  void KeepWatching();

  UniqueFd channel_;
  ChannelEnd end_;
  std::function<void()> on_readable_;
  std::function<void()> on_dropped_;
  std::function<void()> on_drained_;
  std::string encoded_;
  std::deque<Waiting> outbox_;
  bool listening_ = false;
  bool master_gone_ = false;
  bool wait_for_others_ = false;  // ETOOMANYREFS, or refused: room in this channel alone does not help
  OncePerSecond log_limit_;
  FdWatch watch_;
  Timer retry_;  // when no channel of this user has room (ETOOMANYREFS), or the system no room for a watch:
                 // no event announces the end of that
};

}  // namespace preforkd

#endif
