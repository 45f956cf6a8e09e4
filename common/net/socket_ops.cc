#include "common/net/socket_ops.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/log.h"
#include "common/base/sys_error.h"

namespace preforkd {
namespace {

// Seconds that the kernel waits for the first bytes before it shows the connection all the same.
constexpr int kDeferSeconds = 1;

Status SetOption(int fd, int level, int name, int value, const char* what) {
  if (::setsockopt(fd, level, name, &value, sizeof(value)) < 0) return SysError("setsockopt", what);
  return {};
}

bool IsSocketFile(const ListenAddress& address) {
  return address.kind == ListenAddress::Kind::kUnix && !address.name.starts_with('@');
}

// A file that a dead server left behind answers ECONNREFUSED; a live one accepts, and its file stays.
void RemoveStaleFile(const ListenAddress& address) {
  struct stat info {};
  if (::lstat(address.name.c_str(), &info) < 0 || !S_ISSOCK(info.st_mode)) return;
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!probe.Valid()) return;
  if (::connect(probe.Get(), address.address.Get(), address.address.length) == 0 || errno != ECONNREFUSED) return;
  if (::unlink(address.name.c_str()) == 0) log::Notice("removed the stale socket file {}", address.name);
}

}  // namespace

Result<UniqueFd> BindSocket(const ListenAddress& address) {
  const sa_family_t family = address.address.Family();
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.Valid()) return SysError("socket", address.text);
  if (family != AF_UNIX) {
    Status status = SetOption(fd.Get(), SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
    if (status.Ok()) status = SetOption(fd.Get(), IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY");
    if (!status.Ok()) return status.Err();
  }
  if (family == AF_INET6) {
    const int only_v6 = address.dual_stack ? 0 : 1;
    if (Status status = SetOption(fd.Get(), IPPROTO_IPV6, IPV6_V6ONLY, only_v6, "IPV6_V6ONLY"); !status.Ok()) {
      return status.Err();
    }
  }
  if (IsSocketFile(address)) RemoveStaleFile(address);
  if (::bind(fd.Get(), address.address.Get(), address.address.length) < 0) return SysError("bind", address.text);
  return fd;
}

Result<UniqueFd> AdoptListeningSocket(int fd, const std::string& name) {
  int type = 0;
  int listens = 0;
  socklen_t size = sizeof(int);
  if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0) return SysError("getsockopt", name);
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0) return SysError("getsockopt", name);
  if (type != SOCK_STREAM || listens == 0) {
    return Error{name + ": the socket that was passed is no stream socket that listens: the socket unit needs "
                        "ListenStream= and Accept=no"};
  }
  UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy.Valid()) return SysError("fcntl", name);
  const int flags = ::fcntl(copy.Get(), F_GETFL);
  if (flags < 0 || ::fcntl(copy.Get(), F_SETFL, flags | O_NONBLOCK) < 0) return SysError("fcntl", name);
  const Result<SocketAddress> local = LocalAddress(copy.Get());
  if (!local.Ok()) return local.Err();
  if (local.Value().Family() != AF_UNIX) {
    if (Status status = SetOption(copy.Get(), IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY"); !status.Ok()) {
      return status.Err();
    }
  }
  return copy;
}

Status Listen(int fd, int backlog) {
  if (::listen(fd, backlog) < 0) return SysError("listen");
  return {};
}

Status SetDeferAccept(int fd, bool on) {
  const Result<SocketAddress> local = LocalAddress(fd);
  if (!local.Ok()) return local.Err();
  if (local.Value().Family() == AF_UNIX) return {};
  return SetOption(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, on ? kDeferSeconds : 0, "TCP_DEFER_ACCEPT");
}

Result<SocketAddress> LocalAddress(int fd) {
  SocketAddress address;
  address.length = sizeof(address.storage);
  if (::getsockname(fd, address.Get(), &address.length) < 0) return SysError("getsockname");
  return address;
}

Accepted AcceptOne(int listener) {
  Accepted accepted;
  accepted.peer.length = sizeof(accepted.peer.storage);
  // The peer's address is taken here: after an early RST getpeername would fail (ENOTCONN).
  accepted.fd =
      UniqueFd(::accept4(listener, accepted.peer.Get(), &accepted.peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!accepted.fd.Valid()) accepted.errnum = errno;
  // An unnamed Unix peer is a family and nothing else.
  if (accepted.peer.length <= sizeof(sa_family_t)) accepted.peer.length = 0;
  return accepted;
}

bool IsStreamConnection(int fd) {
  int type = 0;
  int listens = 1;
  socklen_t size = sizeof(int);
  if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_STREAM) return false;
  return ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens == 0;
}

std::uint64_t SocketCookie(int fd) {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof(cookie);
  return ::getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

void StopLingering(int fd) {
  const linger off{0, 0};
  (void)::setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof(off));  // cannot fail for a stream socket
}

Result<Peer> PeerOf(int fd) {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0) return SysError("getsockopt", "SO_PEERCRED");
  return Peer{credentials.uid, credentials.pid};
}

SocketFile FileOf(const ListenAddress& address) {
  struct stat info {};
  if (!IsSocketFile(address) || ::lstat(address.name.c_str(), &info) < 0) return {};
  return SocketFile{address.name, info.st_dev, info.st_ino};
}

void RemoveSocketFile(const SocketFile& file) {
  struct stat info {};
  if (file.path.empty() || ::lstat(file.path.c_str(), &info) < 0) return;
  if (info.st_dev == file.device && info.st_ino == file.inode) ::unlink(file.path.c_str());
}

}  // namespace preforkd
