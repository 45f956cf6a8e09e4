#include "master/control/control_socket.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "common/base/log.h"
#include "common/base/sys_error.h"
#include "master/policy/accept_error.h"

namespace preforkd {
namespace {

constexpr int kBacklog = 16;
constexpr int kBatch = kBacklog + 1;  // the maximum queue length in the kernel (listen(2))
constexpr Duration kPause = std::chrono::milliseconds(100);
constexpr std::uint32_t kOwnerOnly = 0600;

}  // namespace

Result<ControlEndpoint> ControlEndpoint::Bind(const std::string& path) {
  const Result<ListenAddress> address = SocketPath(path);
  if (!address.Ok()) return address.Err();
  MakeFolderOf(path);  // /run is empty after a boot, and not every service manager creates the folder
  Result<UniqueFd> fd = BindSocket(address.Value(), {kOwnerOnly, std::nullopt, std::nullopt});
  if (!fd.Ok()) return fd.Err();
  ControlEndpoint endpoint(std::move(fd).Value(), path, FileOf(address.Value()));
  if (const Status status = Listen(endpoint.Fd(), kBacklog); !status.Ok()) return status.Err();
  return endpoint;
}

ControlEndpoint& ControlEndpoint::operator=(ControlEndpoint&& other) noexcept {
  RemoveSocketFile(file_);
  fd_ = std::move(other.fd_);
  path_ = std::move(other.path_);
  file_ = std::exchange(other.file_, {});
  return *this;
}

Result<std::unique_ptr<ControlSocket>> ControlSocket::Open(EventLoop& loop, ControlEndpoint endpoint,
                                                           ControlHandler handler) {
  std::unique_ptr<ControlSocket> socket(new ControlSocket(loop, std::move(endpoint), std::move(handler)));
  if (const Status status = socket->watch_->Want(Interest::kRead); !status.Ok()) return status.Err();
  return socket;
}

ControlSocket::ControlSocket(EventLoop& loop, ControlEndpoint endpoint, ControlHandler handler)
    : loop_(loop),
      endpoint_(std::move(endpoint)),
      handler_(std::move(handler)),
      watch_(MakeWatch(endpoint_.Fd())),
      resume_(loop, EventLoop::kPriorityControl, [this] { Watch(); }) {}

std::unique_ptr<FdWatch> ControlSocket::MakeWatch(int fd) {
  return std::make_unique<FdWatch>(loop_, fd, EventLoop::kPriorityControl,
                                   [this](Interest) { OnReadable(); });
}

Status ControlSocket::MoveTo(ControlEndpoint endpoint) {
  std::unique_ptr<FdWatch> watch = MakeWatch(endpoint.Fd());
  if (Status status = watch->Want(Interest::kRead); !status.Ok()) return status;
  OnReadable();  // one batch covers the whole queue
  watch_ = std::move(watch);
  endpoint_ = std::move(endpoint);
  return {};
}

void ControlSocket::OnReadable() {
  for (int i = 0; i < kBatch; ++i) {
    if (!AcceptNext()) return;
  }
}

bool ControlSocket::AcceptNext() {
  Accepted accepted = AcceptOne(endpoint_.Fd());
  if (accepted.fd.Valid()) {
    Admit(std::move(accepted.fd));
    return true;
  }
  switch (ReactionTo(accepted.errnum)) {
    case AcceptReaction::kBatchDone: return false;
    case AcceptReaction::kRetry: return true;
    default: Pause(accepted.errnum); return false;
  }
}

void ControlSocket::Admit(UniqueFd fd) {
  const Result<Peer> peer = PeerOf(fd.Get());
  std::shared_ptr<ControlClient> client = MakeClient(std::move(fd));
  if (!peer.Ok()) return;  // already disconnected
  if (const char* why = WhyRefused(peer.Value())) {
    if (const auto held_back = refusal_log_.Allow(Now())) {
      log::Warning({log::kControlRefused,
                    {{"user", peer.Value().user},
                     {"peer_pid", peer.Value().pid},
                     {"why", why},
                     {"suppressed", *held_back}}},
                   "control socket: user {} (pid {}) is refused: {}; only root and user {} may connect",
                   peer.Value().user, peer.Value().pid, why, ::geteuid());
    }
    return client->TurnAway(Refusal("permission denied"));
  }
  if (clients_.size() >= kMaxClients && !MakeRoom())
    return client->TurnAway(Refusal("too many clients are waiting"));
  Keep(std::move(client));
}

std::shared_ptr<ControlClient> ControlSocket::MakeClient(UniqueFd fd) {
  return std::make_shared<ControlClient>(loop_, std::move(fd), handler_, [this](ControlClient* gone) {
    clients_.remove_if([gone](const auto& candidate) { return candidate.get() == gone; });
  });
}

void ControlSocket::Keep(std::shared_ptr<ControlClient> client) {
  if (const Status status = client->Start(); !status.Ok()) {
    if (const auto held_back = log_limit_.Allow(Now())) {
      log::Warning({log::kControlFailed, {{"suppressed", *held_back}}},
                   "a control connection cannot be watched and is closed: {}", status.Err().text);
    }
    return;
  }
  clients_.push_back(std::move(client));
}

const char* ControlSocket::WhyRefused(const Peer& peer) const {
  if (peer.user != 0 && peer.user != ::geteuid()) return "another user";
  // The pid is 0 for a peer in another pid namespace, which cannot be a worker.
  return peer.pid > 0 && refused_session_(::getsid(peer.pid)) ? "a worker" : nullptr;
}

ControlAnswer ControlSocket::RestoreWaiter(UniqueFd fd) {
  clients_.push_back(MakeClient(std::move(fd)));
  return clients_.back()->AwaitAnswer();
}

void ControlSocket::RestoreIdle(UniqueFd fd) { Keep(MakeClient(std::move(fd))); }

std::vector<int> ControlSocket::Waiters() const {
  std::vector<int> fds;
  for (const auto& client : clients_) {
    if (client->WaitsForChange()) fds.push_back(client->Fd());
  }
  return fds;
}

std::vector<int> ControlSocket::IdleClients() const {
  std::vector<int> fds;
  for (const auto& client : clients_) {
    if (client->Quiet()) fds.push_back(client->Fd());
  }
  return fds;
}

bool ControlSocket::MakeRoom() {
  const auto idle =
      std::find_if(clients_.begin(), clients_.end(), [](const auto& client) { return client->Idle(); });
  if (idle == clients_.end()) return false;
  clients_.erase(idle);
  return true;
}

void ControlSocket::Pause(int errnum) {
  watch_->Stop();
  resume_.SetAfter(kPause);
  if (const auto held_back = log_limit_.Allow(Now())) {
    log::Warning({log::kControlFailed, {{"suppressed", *held_back}}},
                 "control socket: accept4: {}, will retry", ErrnoText(errnum));
  }
}

void ControlSocket::Watch() {
  if (const Status status = watch_->Want(Interest::kRead); status.Ok()) return;
  resume_.SetAfter(kPause);
}

}  // namespace preforkd
