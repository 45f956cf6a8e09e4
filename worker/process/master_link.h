// MasterLink: the worker's end of the channel. It sends in order and never blocks or drops: messages wait
// here while the channel is full. Loop thread only, but for TrySend.
#ifndef PREFORKD_WORKER_PROCESS_MASTER_LINK_H_
#define PREFORKD_WORKER_PROCESS_MASTER_LINK_H_

#include <deque>
#include <functional>
#include <string>

#include "common/base/secret_bytes.h"
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
  // `on_readable`: a message has arrived, or the master has closed its side.
  MasterLink(EventLoop& loop, UniqueFd channel, std::function<void()> on_readable);

  // False if the master has ended; the message and its descriptor then still belong to the caller.
  bool Send(Ready& message) { return SendAny(message); }
  bool Send(ReplaceMe& message) { return SendAny(message); }
  bool Send(HandBack& message) { return SendAny(message); }
  bool Send(LogReopened& message) { return SendAny(message); }
  // Any thread. If it cannot be sent at once, it is not sent.
  void TrySend(const ThreadFree& message) const;

  [[nodiscard]] Reception<MasterToWorker> Receive() const { return end_.ReceiveFromMaster(); }
  // The master has told this worker to retire, or has ended. Does not receive anything.
  [[nodiscard]] bool MasterHasShutDown() const;
  // Starts or stops watching for messages.
  Status SetReading(bool listening);
  // No message is waiting to be sent.
  [[nodiscard]] bool Drained() const { return outbox_.empty(); }
  [[nodiscard]] bool MasterGone() const { return master_gone_; }
  // `callback` is called for each message with a connection that Send accepted but that could not be sent
  // after all. The connection is closed.
  void OnDropped(std::function<void(ConnId)> callback) { on_dropped_ = std::move(callback); }
  // `callback` is called when Drained() becomes true.
  void OnDrained(std::function<void()> callback) { on_drained_ = std::move(callback); }

 private:
  struct Waiting {
    SecretBytes bytes;
    UniqueFd fd;
    UniqueFd second;
    ConnId connection{};  // if there is a descriptor
    int refusals = 0;
  };

  template <typename Message>
  bool SendAny(Message& message);
  template <typename Message>
  bool SendOrQueue(Message& message);
  // Takes the message's descriptor, because the message has been sent or is in the outbox.
  static UniqueFd TakeFd(Ready&) { return {}; }
  static UniqueFd TakeFd(ReplaceMe&) { return {}; }
  static UniqueFd TakeFd(LogReopened&) { return {}; }
  static UniqueFd TakeFd(HandBack& message) { return std::move(message.parcel.fd); }
  template <typename Message>
  static UniqueFd TakeSecondFd(Message& message);
  template <typename Message>
  static ConnId ConnectionOf(const Message& message);

  void OnReady(Interest ready);
  void FlushOutbox();
  // The front of the outbox must be sent later.
  void NoteFull(SendOutcome outcome);
  // The kernel refuses the front of the outbox. True if it was dropped; false if it will be retried.
  bool GiveUp(int errnum);
  Status UpdateWatch();
  // Like UpdateWatch, but retries until it succeeds.
  void KeepWatching();

  UniqueFd channel_;
  ChannelEnd end_;
  std::function<void()> on_readable_;
  std::function<void(ConnId)> on_dropped_;
  std::function<void()> on_drained_;
  std::string encoded_;  // wiped behind each message: one that hands back a connection has its keys
  std::deque<Waiting> outbox_;
  bool listening_ = false;
  bool master_gone_ = false;
  bool wait_for_others_ = false;  // ETOOMANYREFS or a refusal: room in this channel alone does not help
  OncePerSecond log_limit_;
  FdWatch watch_;
  // Runs after ETOOMANYREFS or when the channel could not be watched: no event announces the end of either.
  Timer retry_;
};

}  // namespace preforkd

#endif
