#include "tests/support/tcp_client.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <stdexcept>

#include "common/base/sys_error.h"
#include "common/net/address.h"

namespace preforkd::testing {
namespace {

Status SetTimeouts(int fd, Duration timeout) {
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(timeout).count();
  const timeval value{static_cast<time_t>(micros / 1'000'000), static_cast<suseconds_t>(micros % 1'000'000)};
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO}) {
    if (::setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value)) < 0) return SysError("setsockopt");
  }
  return {};
}

}  // namespace

Result<TcpClient> TcpClient::Connect(const std::string& address, Duration timeout) {
  return ConnectFrom("", address, timeout);
}

Result<TcpClient> TcpClient::ConnectFrom(const std::string& source, const std::string& address,
                                         Duration timeout) {
  const Result<ListenAddress> parsed = ParseListenAddress(address);
  if (!parsed.Ok()) return parsed.Err();
  const SocketAddress& peer = parsed.Value().address;
  UniqueFd fd(::socket(peer.Family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.Valid()) return SysError("socket");
  if (const Status status = SetTimeouts(fd.Get(), timeout); !status.Ok()) return status.Err();
  if (!source.empty()) {
    const Result<ListenAddress> own = ParseListenAddress(source + ":0");
    if (!own.Ok()) return own.Err();
    const SocketAddress& from = own.Value().address;
    if (::bind(fd.Get(), from.Get(), from.length) < 0) return SysError("bind", source);
  }
  // With a timeout a signal interrupts connect (signal(7)), also a SIGCHLD during system(), which blocks it
  // in the calling thread only. The kernel still connects, and the next call waits for it.
  int connected = 0;
  do {
    connected = ::connect(fd.Get(), peer.Get(), peer.length);
  } while (connected < 0 && errno == EINTR);
  if (connected < 0) return SysError("connect", address);
  return TcpClient(std::move(fd));
}

TcpClient::TcpClient(const std::string& address) {
  Result<TcpClient> client = Connect(address);
  if (!client.Ok()) throw std::runtime_error(client.Err().text);
  *this = std::move(client).Value();
}

bool TcpClient::SendAll(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.Get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) {
      why_ = errno;
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool TcpClient::Fill() {
  std::array<char, 64 * 1024> piece;
  ssize_t size = 0;
  do {
    size = ::recv(fd_.Get(), piece.data(), piece.size(), 0);
  } while (size < 0 && errno == EINTR);
  why_ = size < 0 ? errno : 0;
  if (size <= 0) return false;
  buffer_.append(piece.data(), static_cast<std::size_t>(size));
  return true;
}

std::string TcpClient::Take(std::size_t size) {
  std::string taken = buffer_.substr(0, size);
  buffer_.erase(0, size);
  return taken;
}

std::optional<std::string> TcpClient::ReadUntil(std::string_view delimiter) {
  for (;;) {
    const std::size_t found = buffer_.find(delimiter);
    if (found != std::string::npos) return Take(found + delimiter.size());
    if (!Fill()) return std::nullopt;
  }
}

std::optional<std::string> TcpClient::ReadExactly(std::size_t size) {
  while (buffer_.size() < size) {
    if (!Fill()) return std::nullopt;
  }
  return Take(size);
}

std::optional<std::string> TcpClient::ReadToEnd() {
  while (Fill()) {
  }
  if (why_ != 0) return std::nullopt;
  return Take(buffer_.size());
}

std::optional<std::string> TcpClient::ReadSome() {
  if (buffer_.empty() && !Fill() && why_ != 0) return std::nullopt;
  return Take(buffer_.size());
}

bool TcpClient::Echoes(std::string_view bytes) {
  return SendAll(bytes) && ReadExactly(bytes.size()) == bytes;
}

bool TcpClient::IsClosedByPeer() {
  if (Fill()) return false;
  return why_ == 0 || why_ == ECONNRESET;
}

void TcpClient::HalfClose() { (void)::shutdown(fd_.Get(), SHUT_WR); }

}  // namespace preforkd::testing
