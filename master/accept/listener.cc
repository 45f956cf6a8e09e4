#include "master/accept/listener.h"

#include <algorithm>
#include <cerrno>

#include "common/base/log.h"
#include "common/base/sys_error.h"
#include "common/process/authority.h"
#include "master/accept/listen_access.h"
#include "master/policy/accept_error.h"

namespace preforkd {
namespace {

// Connections accepted per wake-up.
constexpr std::size_t kBatch = 64;
// At most so many clients wait in the queue of a socket (listen(2)).
constexpr std::size_t kLongestQueue = 65'536;
// Pause after accept fails for lack of descriptors or memory.
constexpr Duration kNoRoomPause = std::chrono::milliseconds(100);

}  // namespace

Result<std::unique_ptr<Listener>> Listener::Open(EventLoop& loop, const ListenConfig& config, ListenerId id,
                                                 Sink sink) {
  const Result<SocketAccess> access = AccessOf(config);
  if (!access.Ok()) return access.Err();
  Result<UniqueFd> fd = BindSocket(config.address, access.Value());
  if (!fd.Ok()) return fd.Err();
  const SocketFile file = FileOf(config.address);
  if (const Status status = Listen(fd.Value().Get(), config.backlog); !status.Ok()) {
    RemoveSocketFile(file);
    return status.Err();
  }
  Result<std::unique_ptr<Listener>> listener = On(std::move(fd).Value(), loop, config, id, std::move(sink));
  if (listener.Ok()) listener.Value()->file_ = file;
  return listener;
}

Result<std::unique_ptr<Listener>> Listener::FromManager(EventLoop& loop, const ListenConfig& config,
                                                        ListenerId id, Sink sink, int fd) {
  Result<UniqueFd> copy = CopyListeningSocket(fd, config.address.text);
  if (!copy.Ok()) return copy.Err();
  return On(std::move(copy).Value(), loop, config, id, std::move(sink));
}

Result<std::unique_ptr<Listener>> Listener::Restore(EventLoop& loop, const ListenConfig& config,
                                                    ListenerId id, Sink sink, UniqueFd fd, SocketFile file) {
  Result<std::unique_ptr<Listener>> listener = On(std::move(fd), loop, config, id, std::move(sink));
  if (listener.Ok()) listener.Value()->file_ = std::move(file);
  return listener;
}

Result<std::unique_ptr<Listener>> Listener::On(UniqueFd fd, EventLoop& loop, const ListenConfig& config,
                                               ListenerId id, Sink sink) {
  std::unique_ptr<Listener> listener(new Listener(loop, std::move(fd), config, id, std::move(sink)));
  const Result<SocketAddress> bound = LocalAddress(listener->fd_.Get());
  if (!bound.Ok()) return bound.Err();
  listener->bound_text_ = bound.Value().Text();
  return listener;
}

Listener::Listener(EventLoop& loop, UniqueFd fd, const ListenConfig& config, ListenerId id, Sink sink)
    : fd_(std::move(fd)),
      config_(config),
      id_(id),
      sink_(std::move(sink)),
      // Same priority as client events: at a higher one, a flood of new clients would starve parked ones.
      watch_(loop, fd_.Get(), EventLoop::kPriorityClient, [this](Interest) { OnReadable(); }),
      resume_(loop, EventLoop::kPriorityControl, [this] { UpdateWatch(); }) {}

Listener::~Listener() {
  watch_.Stop();
  RemoveSocketFile(file_);
  if (row_ != nullptr) row_->used.store(false, std::memory_order_relaxed);
}

Status Listener::Reconfigure(const ListenConfig& config, bool defer_accept) {
  config_ = config;
  if (Status status = SetDeferAccept(fd_.Get(), defer_accept); !status.Ok()) return status;
  if (Activated()) return {};
  const Result<SocketAccess> access = AccessOf(config);
  if (!access.Ok()) return access.Err();
  if (Status status = SetAccess(file_, access.Value()); !status.Ok()) return status;
  return Listen(fd_.Get(), config.backlog);  // already listening: this only changes the backlog
}

Status Listener::MayReconfigure(const ListenConfig& config) const {
  if (Activated()) return {};
  const Result<SocketAccess> access = AccessOf(config);
  return access.Ok() ? MaySetAccess(file_, access.Value(), OwnAuthority().change_owner)
                     : Status(access.Err());
}

void Listener::SetAccepting(bool accepting) {
  accepting_ = accepting;
  UpdateWatch();
}

void Listener::UpdateWatch() {
  const bool look = accepting_ && !resume_.Pending() && !broken_;
  if (row_ != nullptr) row_->paused.store(!look, std::memory_order_relaxed);
  const Status status = watch_.Want(look ? Interest::kRead : Interest::kNone);
  if (status.Ok()) return;
  if (const auto held_back = log_limit_.Allow(Now())) {
    log::Error({log::kListenerFailed, {{"listener", Key()}, {"suppressed", *held_back}}},
               "listener {} cannot be watched, will retry: {}", Key(), status.Err().text);
  }
  resume_.SetAfter(kNoRoomPause);
}

void Listener::OnReadable() {
  (void)AcceptBatch(false);
  sink_.flush();
}

void Listener::DrainQueue() {
  // Clients may come faster than they are accepted, without end. No queue is longer than this.
  for (std::size_t most = kLongestQueue; most > 0 && AcceptBatch(true) == BatchEnd::kBound;) {
    sink_.flush();
    most -= std::min<std::size_t>(most, kBatch);
  }
  sink_.flush();
}

Listener::BatchEnd Listener::AcceptBatch(bool use_reserve) {
  const Time now = Now();
  const std::size_t most = look_.Begin() || use_reserve ? kBatch : 1;
  std::size_t room = use_reserve ? kBatch : 0;
  for (std::size_t i = 0; i < most; ++i) {
    if (room == 0) room = sink_.room_for(most - i);
    if (room == 0) {
      PauseForRoom("too few file descriptors are free");
      return BatchEnd::kStopped;
    }
    --room;
    Accepted accepted = AcceptOne(fd_.Get());
    if (!accepted.fd.Valid()) {
      if (accepted.errnum == EAGAIN) return BatchEnd::kEmpty;
      if (!OnAcceptError(accepted.errnum)) return BatchEnd::kStopped;
      continue;
    }
    look_.Found();
    ParcelHead facts;
    facts.id = Raw(sink_.next_id());
    if (sink_.admit && !sink_.admit(accepted.fd, {ConnId{facts.id}, accepted.peer, Key(), now, config_.tls,
                                                  http_, config_.proxy_protocol}))
      continue;
    facts.listener = static_cast<std::uint16_t>(id_);
    facts.service = static_cast<std::uint16_t>(service_);
    facts.accepted_ns = ToNanoseconds(now);
    facts.proxy_header_due = config_.proxy_protocol ? 1 : 0;
    facts.tls = static_cast<std::uint8_t>(config_.tls ? TlsStage::kHandshakeDue : TlsStage::kNone);
    if (row_ != nullptr) Add(row_->accepted);
    if (log::Enabled(log::Level::kDebug)) {
      const std::string client = accepted.peer.Text();
      log::Debug({log::kConnAccepted, ConnId{facts.id}, {{"listener", Key()}, {"client", client}}},
                 "accepted at {} from {}", Key(), client);
    }
    sink_.submit(PackedParcel(std::move(accepted.fd), facts, accepted.peer));
  }
  return BatchEnd::kBound;
}

bool Listener::OnAcceptError(int errnum) {
  const AcceptReaction reaction = ReactionTo(errnum);
  if (reaction == AcceptReaction::kBatchDone) return false;
  if (errnum != EINTR) sink_.on_error(errnum);
  if (reaction == AcceptReaction::kRetry) return true;
  if (errnum == EMFILE && sink_.make_room()) return true;
  if (reaction == AcceptReaction::kBroken) {
    broken_ = true;
    log::Error({log::kListenerFailed, {{"listener", Key()}}},
               "listener {}: accept4: {}; it accepts no more connections", Key(), ErrnoText(errnum));
    UpdateWatch();
  } else {
    PauseForRoom(ErrnoText(errnum));
  }
  return false;
}

void Listener::PauseForRoom(std::string_view why) {
  resume_.SetAfter(kNoRoomPause);
  if (const auto held_back = log_limit_.Allow(Now())) {
    log::Warning({log::kAcceptPaused, {{"listener", Key()}, {"suppressed", *held_back}}},
                 "listener {}: {}; accepting pauses", Key(), why);
  }
  UpdateWatch();
}

}  // namespace preforkd
