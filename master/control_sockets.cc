#include "master/control_sockets.h"

#include <utility>

#include "common/base/log.h"

namespace preforkd {

ControlSockets::ControlSockets(EventLoop& loop, ControlHandler handler, std::function<bool(int)> is_worker)
    : loop_(loop), handler_(std::move(handler)), is_worker_(std::move(is_worker)) {}

Status ControlSockets::Prepare(const Config& config) {
  coming_.reset();
  if (config.control.empty() || (serving_ != nullptr && serving_->Path() == config.control)) return {};
  Result<std::unique_ptr<ControlSocket>> socket = ControlSocket::Open(loop_, config.control, handler_);
  if (socket.Ok()) {
    coming_ = std::move(socket).Value();
    coming_->RefuseSessions(is_worker_);
    return {};
  }
  // The operator has asked for this one; the default is what a first try without root runs into.
  if (config.control != Config{}.control) return Error{"control: " + socket.Err().text, socket.Err().errnum};
  log::Warning("no control socket: {}; preforkctl needs one, --control PATH says where", socket.Err().text);
  return {};
}

void ControlSockets::Commit(const Config& config) {
  if (coming_ != nullptr || config.control.empty()) serving_ = std::move(coming_);
  if (serving_ != nullptr && serving_->Path() != config.control) serving_.reset();
}

void ControlSockets::Save(UpgradeState& state) const {
  if (serving_ == nullptr) return;
  state.control = {serving_->Fd(), serving_->Path(), serving_->File(), serving_->Waiters(),
                   serving_->IdleClients()};
}

Result<std::vector<ControlAnswer>> ControlSockets::Restore(const InheritedControl& saved) {
  std::vector<ControlAnswer> waiters;
  if (saved.fd < 0) return waiters;
  auto socket = ControlSocket::Inherit(loop_, UniqueFd(saved.fd), saved.path, saved.file, handler_);
  if (!socket.Ok()) return socket.Err();
  serving_ = std::move(socket).Value();
  serving_->RefuseSessions(is_worker_);
  for (const int fd : saved.waiters) waiters.push_back(serving_->InheritWaiter(UniqueFd(fd)));
  for (const int fd : saved.idle) serving_->InheritIdle(UniqueFd(fd));
  return waiters;
}

}  // namespace preforkd
