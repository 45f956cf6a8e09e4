#include "worker/process/master_link.h"

#include <poll.h>
#include <string.h>  // explicit_bzero

#include "common/base/log.h"
#include "common/base/sys_error.h"

namespace preforkd {
namespace {

constexpr Duration kRetryInterval = std::chrono::milliseconds(2);
// Maximum number of attempts for a message that the kernel refuses with a permanent error.
constexpr int kMaxRefusals = 3;

}  // namespace

MasterLink::MasterLink(EventLoop& loop, UniqueFd channel, std::function<void()> on_readable)
    : channel_(std::move(channel)),
      end_(channel_.Get(), kWireVersion),  // a worker is a fork of its master: same wire version
      on_readable_(std::move(on_readable)),
      // Same priority as client events: at a higher one, a flood of new clients would starve connected ones.
      watch_(loop, channel_.Get(), EventLoop::kPriorityClient, [this](Interest ready) { OnReady(ready); }),
      retry_(loop, EventLoop::kPriorityControl, [this] { FlushOutbox(); }) {}

template <typename Message>
UniqueFd MasterLink::TakeSecondFd(Message& message) {
  if constexpr (requires { message.parcel; }) return std::move(message.parcel.heavy);
  return {};
}

template <typename Message>
ConnId MasterLink::ConnectionOf(const Message& message) {
  if constexpr (requires { message.parcel; }) return message.parcel.id;
  return {};
}

template <typename Message>
bool MasterLink::SendAny(Message& message) {
  if (master_gone_) return false;
  const bool taken = SendOrQueue(message);
  // The keys of a connection that was handed back: this process must not keep them.
  ::explicit_bzero(encoded_.data(), encoded_.size());
  return taken;
}

template <typename Message>
bool MasterLink::SendOrQueue(Message& message) {
  const auto queue = [&] {
    outbox_.push_back({SecretBytes(encoded_.begin(), encoded_.end()), TakeFd(message), TakeSecondFd(message),
                       ConnectionOf(message)});
  };
  if (!outbox_.empty()) {  // behind the pending ones
    Encode(message, encoded_, end_.Version());
    queue();
    return true;
  }
  const SendResult result = end_.Send(message, encoded_);
  switch (result.outcome) {
    case SendOutcome::kSent:
      TakeFd(message).Reset();
      TakeSecondFd(message).Reset();
      return true;
    case SendOutcome::kFull:
    case SendOutcome::kTooMany:
    case SendOutcome::kRefused:
      queue();
      NoteFull(result.outcome);
      KeepWatching();
      return true;
    case SendOutcome::kGone: master_gone_ = true; return false;
  }
  return false;
}

template bool MasterLink::SendAny(Ready&);
template bool MasterLink::SendAny(ReplaceMe&);
template bool MasterLink::SendAny(HandBack&);
template bool MasterLink::SendAny(LogReopened&);

void MasterLink::TrySend(const ThreadFree& message) const {
  std::string bytes;  // not encoded_, which is the loop's
  (void)end_.Send(message, bytes);
}

Status MasterLink::SetReading(bool listening) {
  listening_ = listening;
  return UpdateWatch();
}

Status MasterLink::UpdateWatch() {
  Interest interest = listening_ ? Interest::kRead : Interest::kNone;
  if (!outbox_.empty() && !wait_for_others_) interest = interest | Interest::kWrite;
  return watch_.Want(interest);
}

void MasterLink::OnReady(Interest ready) {
  if (Has(ready, Interest::kWrite)) FlushOutbox();
  if (Has(ready, Interest::kRead)) on_readable_();
}

bool MasterLink::GiveUp(int errnum) {
  if (++outbox_.front().refusals >= kMaxRefusals) {
    if (const auto held_back = log_limit_.Allow(Now())) {
      log::Error({log::kSystemCallFailed, {{"suppressed", *held_back}}},
                 "cannot send a message to the master: {}", ErrnoText(errnum));
    }
    return true;
  }
  NoteFull(SendOutcome::kRefused);
  return false;
}

void MasterLink::KeepWatching() {
  const Status status = UpdateWatch();
  if (status.Ok()) return;
  if (const auto held_back = log_limit_.Allow(Now())) {
    log::Error({log::kSystemCallFailed, {{"suppressed", *held_back}}},
               "cannot watch the channel to the master, will retry: {}", status.Err().text);
  }
  retry_.SetAfter(kRetryInterval);
}

void MasterLink::NoteFull(SendOutcome outcome) {
  wait_for_others_ = outcome != SendOutcome::kFull;
  if (wait_for_others_) retry_.SetAfter(kRetryInterval);
}

bool MasterLink::MasterHasShutDown() const {
  pollfd state{channel_.Get(), POLLRDHUP, 0};
  return ::poll(&state, 1, 0) > 0 && (state.revents & (POLLRDHUP | POLLHUP)) != 0;
}

void MasterLink::FlushOutbox() {
  while (!outbox_.empty()) {
    const Waiting& next = outbox_.front();
    const OutMessage out{{next.bytes.data(), next.bytes.size()}, next.fd.Get(), next.second.Get()};
    const SendResult result = SendMessages(channel_.Get(), std::span(&out, 1));
    if (result.outcome == SendOutcome::kFull || result.outcome == SendOutcome::kTooMany) {
      NoteFull(result.outcome);
      break;
    }
    if (result.outcome == SendOutcome::kGone) master_gone_ = true;
    if (result.outcome == SendOutcome::kRefused && !GiveUp(result.errnum)) break;
    const bool dropped = result.outcome != SendOutcome::kSent && outbox_.front().fd.Valid();
    const ConnId connection = outbox_.front().connection;
    outbox_.pop_front();
    if (dropped && on_dropped_) on_dropped_(connection);
  }
  if (outbox_.empty()) wait_for_others_ = false;
  KeepWatching();
  if (outbox_.empty() && on_drained_) on_drained_();
}

}  // namespace preforkd
