#include "master/system/service_manager.h"

#include <sys/socket.h>

#include <cerrno>

#include "common/base/log.h"
#include "common/base/sys_error.h"

namespace preforkd {
namespace {

// Pause before sending again when the manager's queue is full, and maximum number of notices kept meanwhile.
constexpr Duration kSendAgain = std::chrono::milliseconds(50);
constexpr std::size_t kMaxWaiting = 64;

}  // namespace

ServiceManager::ServiceManager(EventLoop& loop, const ServiceEnvironment& environment,
                               std::function<Notices::Reading()> read)
    : notices_(environment.watchdog, Now()),
      read_(std::move(read)),
      tick_(loop, EventLoop::kPriorityControl, [this] { Tick(); }),
      send_again_(loop, EventLoop::kPriorityControl, [this] { SendWaiting(); }) {
  if (!environment.notify_socket.empty()) OpenSocket(environment.notify_socket);
  if (socket_.Valid()) tick_.SetAt(notices_.NextTick());
}

void ServiceManager::OpenSocket(const std::string& name) {
  const Result<ListenAddress> address = ParseListenAddress("unix:" + name);
  if (!address.Ok())
    return log::Warning({log::kEnvironmentInvalid, {{"variable", "NOTIFY_SOCKET"}}}, "NOTIFY_SOCKET: {}",
                        address.Err().text);
  address_ = address.Value().address;
  // Not connected: a restarted manager is reached under the same name.
  socket_ = UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket_.Valid())
    log::Warning(log::kManagerUnreachable, "the service manager cannot be notified: {}",
                 SysError("socket").text);
}

void ServiceManager::Tick() {
  const Notices::Reading reading = read_();
  std::string text = notices_.Tick(reading, Now());
  if (notices_.Withholding() && !std::exchange(told_of_withholding_, true)) {
    log::Error({log::kWatchdogMissed, {{"beating", reading.beating}, {"wanted", reading.wanted}}},
               "only {} of {} workers have a recent heartbeat: not notifying the service manager's watchdog",
               reading.beating, reading.wanted);
  } else if (!notices_.Withholding() && std::exchange(told_of_withholding_, false)) {
    log::Notice(log::kWatchdogRestored, "notifying the service manager's watchdog again");
  }
  Say(std::move(text));
}

void ServiceManager::Say(std::string text) {
  if (!socket_.Valid()) return;
  tick_.SetAt(notices_.NextTick());
  if (text.empty()) return;
  if (waiting_.size() >= kMaxWaiting) waiting_.pop_front();
  waiting_.push_back(std::move(text));
  SendWaiting();
}

void ServiceManager::SendWaiting() {
  while (!waiting_.empty()) {
    const std::string& text = waiting_.front();
    if (::sendto(socket_.Get(), text.data(), text.size(), MSG_NOSIGNAL, address_.Get(), address_.length) <
        0) {
      const int errnum = errno;
      if (errnum == EINTR) continue;
      if (errnum == EAGAIN || errnum == ENOBUFS || errnum == ENOMEM) return send_again_.SetAfter(kSendAgain);
      if (const auto held_back = log_limit_.Allow(Now())) {
        log::Warning({log::kManagerUnreachable, {{"suppressed", *held_back}}},
                     "the service manager cannot be notified: {}",
                     SysErrorOf(errnum, "sendto", address_.Text()).text);
      }
    }
    waiting_.pop_front();
  }
}

}  // namespace preforkd
