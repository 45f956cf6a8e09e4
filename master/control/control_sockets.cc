#include "master/control/control_sockets.h"

#include <utility>

#include "common/base/log.h"
#include "common/net/socket_ops.h"

namespace preforkd {

ControlSockets::ControlSockets(EventLoop& loop, ControlHandler handler, std::function<bool(int)> is_worker)
    : loop_(loop), handler_(std::move(handler)), is_worker_(std::move(is_worker)) {}

Status ControlSockets::Prepare(const Config& config) {
  coming_.reset();
  if (config.control.empty()) return {};
  const bool same = serving_ != nullptr && serving_->Path() == config.control;
  if (same) {
    switch (CheckSocketFile(serving_->File())) {
      case SocketFilePresence::kOurs: return {};
      case SocketFilePresence::kReplaced:
        log::Warning({log::kFileReplaced, {{"path", config.control}}},
                     "the control socket {} was replaced by another process and is left as it is: "
                     "preforkctl does not reach this server",
                     config.control);
        return {};
      case SocketFilePresence::kGone: break;
    }
  }
  Result<ControlEndpoint> endpoint = ControlEndpoint::Bind(config.control);
  if (endpoint.Ok()) {
    coming_ = std::move(endpoint).Value();
  } else if (same) {
    log::Error({log::kFileRemoved, {{"path", config.control}}},
               "the control socket was removed and cannot be created again: {}", endpoint.Err().text);
  } else if (config.control != Config{}.control) {
    return Error{"control: " + endpoint.Err().text, endpoint.Err().errnum};
  } else {
    // The default path was not asked for, and a first try without root cannot create it.
    log::Warning(log::kControlFailed,
                 "no control socket: {}; preforkctl cannot connect; set another path with --control PATH",
                 endpoint.Err().text);
  }
  return {};
}

bool ControlSockets::Closes(const Config& config) const {
  return !coming_ && serving_ != nullptr && serving_->Path() != config.control;
}

void ControlSockets::Commit(const Config& config) {
  if (!coming_) {
    if (Closes(config)) serving_.reset();
    return;
  }
  if (serving_ != nullptr && serving_->Path() == coming_->Path()) {
    log::Notice({log::kFileRestored, {{"path", coming_->Path()}}},
                "the control socket {} was removed and has been created again", coming_->Path());
  }
  ControlEndpoint endpoint = std::move(*coming_);
  coming_.reset();
  const Status status =
      serving_ != nullptr ? serving_->MoveTo(std::move(endpoint)) : Open(std::move(endpoint));
  if (!status.Ok()) log::Error(log::kControlFailed, "control socket: {}", status.Err().text);
}

Status ControlSockets::Open(ControlEndpoint endpoint) {
  auto socket = ControlSocket::Open(loop_, std::move(endpoint), handler_);
  if (!socket.Ok()) return socket.Err();
  serving_ = std::move(socket).Value();
  serving_->RefuseSessions(is_worker_);
  return {};
}

void ControlSockets::Save(UpgradeState& state) const {
  if (serving_ == nullptr) return;
  state.control = {serving_->Fd(), serving_->Path(), serving_->File(), serving_->Waiters(),
                   serving_->IdleClients()};
}

Result<std::vector<ControlAnswer>> ControlSockets::Restore(const SavedControl& saved) {
  std::vector<ControlAnswer> waiters;
  if (saved.fd < 0) return waiters;
  ControlEndpoint endpoint(UniqueFd(saved.fd), saved.path, {});
  if (const Status status = Open(std::move(endpoint)); !status.Ok()) return status.Err();
  serving_->Own(saved.file);  // only now: if Open fails, the old program still owns the file
  for (const int fd : saved.waiters) waiters.push_back(serving_->RestoreWaiter(UniqueFd(fd)));
  for (const int fd : saved.idle) serving_->RestoreIdle(UniqueFd(fd));
  return waiters;
}

}  // namespace preforkd
