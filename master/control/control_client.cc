#include "master/control/control_client.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "common/base/log.h"

namespace preforkd {
namespace {

bool IsGone(int errnum) { return errnum == EPIPE || errnum == ECONNRESET || errnum == ENOTCONN; }

}  // namespace

ControlClient::ControlClient(EventLoop& loop, UniqueFd fd, const ControlHandler& handler,
                             std::function<void(ControlClient*)> on_closed)
    : loop_(loop),
      fd_(std::move(fd)),
      handler_(handler),
      on_closed_(std::move(on_closed)),
      watch_(loop, fd_.Get(), EventLoop::kPriorityControl, [this](Interest ready) { OnReady(ready); }),
      deadline_(loop, EventLoop::kPriorityControl, [this] { Close(); }),
      proceed_(
          loop, [this] { OnReady(Interest::kNone); }, EventLoop::kPriorityControl) {}

Status ControlClient::Start() {
  deadline_.SetAfter(kTimeout);
  return watch_.Want(Interest::kRead);
}

void ControlClient::TurnAway(const ControlReply& reply) {
  unsent_ = RenderControlReply(reply);
  (void)Send();  // the send buffer is empty, so the reply fits, or the client has disconnected
}

void ControlClient::OnReady(Interest ready) {
  const std::shared_ptr<ControlClient> keep = shared_from_this();
  if (Has(ready, Interest::kRead) && !Receive()) return Close();
  if (!unsent_.empty() && !Send()) return Close();
  Proceed();
}

bool ControlClient::Receive() {
  std::array<char, 4096> buffer;
  const ssize_t got = ::recv(fd_.Get(), buffer.data(), buffer.size(), 0);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) no_more_ = true;
  received_.append(buffer.data(), static_cast<std::size_t>(got));
  return true;
}

void ControlClient::Proceed() {
  if (proceeding_) return;
  proceeding_ = true;
  while (fd_.Valid() && !answering_ && unsent_.empty() && !last_answer_) {
    const std::size_t end = received_.find('\n');
    if (end == std::string::npos ? received_.size() > kMaxControlRequest : end > kMaxControlRequest) {
      last_answer_ = true;  // the start of the next request is unknown
      Answer(Refusal("the request is too long"));
    } else if (end != std::string::npos) {
      const std::string line = received_.substr(0, end);
      received_.erase(0, end + 1);
      Handle(line);
    } else {
      break;
    }
  }
  proceeding_ = false;
  if (!fd_.Valid()) return;
  const bool over = (no_more_ && !answering_) || last_answer_;
  if (over && unsent_.empty()) return Close();
  Await();
}

void ControlClient::Handle(const std::string& line) {
  const Result<ControlRequest> request = ParseControlRequest(line);
  if (!request.Ok()) return Answer(Refusal(request.Err().text));
  answering_ = true;
  asked_ = request.Value();
  handler_(asked_, MakeAnswer());
}

ControlAnswer ControlClient::MakeAnswer() {
  return [weak = weak_from_this()](const ControlReply& reply) {
    const std::shared_ptr<ControlClient> self = weak.lock();
    if (self == nullptr || !self->answering_ || !self->fd_.Valid()) return;
    self->answering_ = false;
    self->Answer(reply);
    // Not here: the caller is in the middle of something, which the next request could change.
    if (!self->proceeding_ && self->fd_.Valid()) self->proceed_.Request();
  };
}

ControlAnswer ControlClient::AwaitAnswer() {
  answering_ = true;
  asked_ = {ControlCommand::kUpgrade, true, 0};
  return MakeAnswer();
}

bool ControlClient::WaitsForChange() const {
  return answering_ &&
         (asked_.command == ControlCommand::kReload || asked_.command == ControlCommand::kUpgrade);
}

void ControlClient::Answer(const ControlReply& reply) {
  unsent_ = RenderControlReply(reply);
  deadline_.SetAfter(kTimeout);
  if (!Send()) Close();
}

bool ControlClient::Send() {
  while (!unsent_.empty()) {
    const ssize_t sent = ::send(fd_.Get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return !IsGone(errno);  // EAGAIN: OnReady sends the rest, within kTimeout
    unsent_.erase(0, static_cast<std::size_t>(sent));
    deadline_.SetAfter(kTimeout);
  }
  unsent_.shrink_to_fit();
  return true;
}

void ControlClient::Await() {
  // Do not read while a request is being handled: further requests wait in the socket, and a disconnect is
  // noticed when the reply is sent.
  Interest interest = Interest::kNone;
  if (!unsent_.empty()) {
    interest = Interest::kWrite;
  } else if (!answering_) {
    interest = Interest::kRead;
  }
  if (answering_ || (received_.empty() && unsent_.empty())) {
    deadline_.Cancel();  // the server is handling the request, or nothing is outstanding
  } else if (!deadline_.Pending()) {
    deadline_.SetAfter(kTimeout);
  }
  if (const Status status = watch_.Want(interest); !status.Ok()) {
    log::Warning(log::kControlFailed, "a control connection cannot be watched and is closed: {}",
                 status.Err().text);
    Close();
  }
}

void ControlClient::Close() {
  if (!fd_.Valid()) return;
  watch_.Stop();
  deadline_.Cancel();
  fd_.Reset();
  on_closed_(this);  // may destroy this: keep it the last statement
}

}  // namespace preforkd
