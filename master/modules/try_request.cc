#include "master/modules/try_request.h"

#include <fmt/core.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "common/base/sys_error.h"
#include "master/modules/answer_printer.h"
#include "master/system/early_signals.h"
#include "master/system/spawn.h"

namespace preforkd {
namespace {

constexpr int kStopTimeoutMs = 5000;

// A folder that only this user may enter, until its socket is connected.
class PrivateFolder {
 public:
  static Result<PrivateFolder> Make() {
    const char* parent = std::getenv("TMPDIR");
    std::string path = fmt::format("{}/preforkd-try-XXXXXX", parent != nullptr ? parent : "/tmp");
    if (::mkdtemp(path.data()) == nullptr) return SysError("mkdtemp", path);
    return PrivateFolder(std::move(path));
  }
  PrivateFolder(PrivateFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  PrivateFolder& operator=(PrivateFolder&&) = delete;
  ~PrivateFolder() {
    if (path_.empty()) return;
    (void)::unlink(Socket().c_str());
    (void)::rmdir(path_.c_str());
  }

  [[nodiscard]] std::string Socket() const { return path_ + "/s"; }

 private:
  explicit PrivateFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

Result<TrySockets> ConnectAt(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return Error{"the name of $TMPDIR is too long for a socket"};
  std::memcpy(address.sun_path, path.data(), path.size());
  const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
  TrySockets sockets{UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)),
                     UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0))};
  if (!sockets.listener.Valid() || !sockets.client.Valid()) return SysError("socket");
  if (::bind(sockets.listener.Get(), generic, sizeof(address)) < 0) return SysError("bind", path);
  if (::listen(sockets.listener.Get(), 1) < 0) return SysError("listen", path);
  if (::connect(sockets.client.Get(), generic, sizeof(address)) < 0) return SysError("connect", path);
  return sockets;
}

std::string Head(const TryRequest& request) {
  std::string head = fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", request.method,
                                 request.target);
  if (request.body) head += fmt::format("Content-Length: {}\r\n", request.body->size());
  return head + "\r\n";
}

// False: the server has closed; it may have answered before.
bool SendAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
  return true;
}

void ReceiveAll(int fd, AnswerPrinter& printer) {
  std::array<char, 16 * 1024> buffer;
  for (;;) {
    const ssize_t size = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return;
    printer.Take({buffer.data(), static_cast<std::size_t>(size)});
  }
}

AnswerPrinter::Print PrintTo(std::FILE* file) {
  return [file](std::string_view text) {
    (void)std::fwrite(text.data(), 1, text.size(), file);
    (void)std::fflush(file);  // a stream is watched as it comes
  };
}

void Stop(const SpawnedProcess& server) {
  (void)SignalProcess(server.pidfd.Get(), SIGTERM);
  pollfd end{server.pidfd.Get(), POLLIN, 0};
  (void)::poll(&end, 1, kStopTimeoutMs);
  (void)KillAndAwait(server.pidfd.Get());
}

}  // namespace

Result<TrySockets> MakeTrySockets() {
  const Result<PrivateFolder> folder = PrivateFolder::Make();
  if (!folder.Ok()) return folder.Err();
  return ConnectAt(folder.Value().Socket());
}

int TryOnce(const TryRequest& request, UniqueFd client, const std::function<int()>& serve) {
  const Result<SpawnedProcess> server = SpawnProcess([&] {
    client.Reset();
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // if a person ends this process, the server ends too
    HoldOnlyCommandSignals();
    ::_exit(serve());
  });
  if (!server.Ok()) {
    fmt::print(stderr, "{}\n", server.Err().text);
    return static_cast<int>(ExitCode::kOsError);
  }
  AnswerPrinter printer(PrintTo(stderr), PrintTo(stdout));
  if (SendAll(client.Get(), Head(request)) && request.body) (void)SendAll(client.Get(), *request.body);
  ReceiveAll(client.Get(), printer);
  Stop(server.Value());
  // The server does not say that a response to HEAD has no body, nor does it need to.
  const bool whole = printer.End() || (request.method == "HEAD" && printer.StatusCode() != 0);
  if (!whole) fmt::print(stderr, "the server closed without a whole answer\n");
  const int kind = printer.StatusCode() / 100;
  return whole && (kind == 2 || kind == 3) ? static_cast<int>(ExitCode::kStopped) : kTryFailed;
}

}  // namespace preforkd
