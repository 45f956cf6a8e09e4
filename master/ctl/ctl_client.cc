#include "master/ctl/ctl_client.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>

#include "common/base/sys_error.h"
#include "common/net/address.h"

namespace preforkd {
namespace {

// Far more than a running server needs to accept a connection.
constexpr int kConnectSeconds = 10;
// The status of the largest server is below a megabyte.
constexpr std::size_t kMaxReply = 16U << 20;

Status SetTimeout(int fd, int option, std::optional<Duration> timeout) {
  timeval limit{};  // zero: no timeout (socket(7))
  if (timeout) {
    limit.tv_sec = static_cast<time_t>(std::chrono::duration_cast<std::chrono::seconds>(*timeout).count());
  }
  if (::setsockopt(fd, SOL_SOCKET, option, &limit, sizeof(limit)) < 0) return SysError("setsockopt");
  return {};
}

}  // namespace

Result<CtlClient> CtlClient::Connect(const std::string& path) {
  const Result<ListenAddress> address = SocketPath(path);
  if (!address.Ok()) return Error{fmt::format("--control: {}", address.Err().text), EINVAL};
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.Valid()) return SysError("socket");
  // SO_SNDTIMEO also limits how long connect waits for room in the server's queue (unix(7)).
  if (Status status = SetTimeout(fd.Get(), SO_SNDTIMEO, std::chrono::seconds(kConnectSeconds));
      !status.Ok()) {
    return status.Err();
  }
  const SocketAddress& name = address.Value().address;
  if (::connect(fd.Get(), name.Get(), name.length) < 0) {
    const int why = errno;
    return Error{fmt::format("no preforkd answers at {}: {}", path, ErrnoText(why)), why};
  }
  return CtlClient(std::move(fd));
}

Result<ControlReply> CtlClient::Ask(const ControlRequest& request, std::optional<Duration> timeout) {
  Status status = SetTimeout(fd_.Get(), SO_RCVTIMEO, timeout);
  if (status.Ok()) status = Send(RenderControlRequest(request));
  if (!status.Ok()) return status.Err();
  const Result<std::string> line = ReadLine();
  if (!line.Ok()) return line.Err();
  Result<ControlReply> reply = ParseControlReply(line.Value());
  if (!reply.Ok()) return Error{"invalid reply from the server: " + reply.Err().text, EPROTO};
  return reply;
}

Status CtlClient::Send(const std::string& line) {
  for (std::size_t sent = 0; sent < line.size();) {
    const ssize_t size = ::send(fd_.Get(), line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    // The server may have replied before it closed: a refused client still gets the reason.
    if (size < 0 && errno == EPIPE) return {};
    if (size < 0) return SysError("send");
    sent += static_cast<std::size_t>(size);
  }
  return {};
}

Result<std::string> CtlClient::ReadLine() {
  std::string line;
  std::array<char, 65536> buffer;
  while (line.size() < kMaxReply) {
    const ssize_t got = ::recv(fd_.Get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return Error{"the server did not reply in time", ETIMEDOUT};
    if (got < 0) return SysError("connection to the server lost: recv");
    if (got == 0) return Error{"the server closed the connection without a reply", EPIPE};
    line.append(buffer.data(), static_cast<std::size_t>(got));
    if (line.back() == '\n') {
      line.pop_back();
      return line;
    }
  }
  return Error{"the server's reply is too long", EPROTO};
}

}  // namespace preforkd
