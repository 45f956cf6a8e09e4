#include "common/net/socket_ops.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include "common/base/log.h"
#include "common/base/sys_error.h"

namespace preforkd {
namespace {

// Seconds that the kernel waits for the first bytes before it delivers the connection without them.
constexpr int kDeferSeconds = 1;

Status SetOption(int fd, int level, int name, int value, const char* what) {
  if (::setsockopt(fd, level, name, &value, sizeof(value)) < 0) return SysError("setsockopt", what);
  return {};
}

// Connecting to a file left by an ended server fails with ECONNREFUSED. A running server accepts, and its
// file stays.
void RemoveStaleFile(const ListenAddress& address) {
  struct stat info {};
  if (::lstat(address.name.c_str(), &info) < 0 || !S_ISSOCK(info.st_mode)) return;
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!probe.Valid()) return;
  if (::connect(probe.Get(), address.address.Get(), address.address.length) == 0 || errno != ECONNREFUSED)
    return;
  if (::unlink(address.name.c_str()) == 0)
    log::Notice({log::kStaleSocket, {{"path", address.name}}}, "removed the stale socket file {}",
                address.name);
}

constexpr mode_t kPermissions = 0777;

// Not a chmod afterwards: that would leave a moment in which the mode is another one.
Status BindFile(int fd, const ListenAddress& address, const SocketAccess& access) {
  RemoveStaleFile(address);
  const mode_t before = ::umask(kPermissions & ~access.mode);
  const int result = ::bind(fd, address.address.Get(), address.address.length);
  const int bind_errno = errno;
  (void)::umask(before);
  if (result < 0) return SysErrorOf(bind_errno, "bind", address.text);
  // The owner; and the mode once more, because a default ACL of the folder may have narrowed it. Nobody can
  // connect before listen(2).
  const SocketFile file = FileOf(address);
  Status status = SetAccess(file, access);
  if (!status.Ok()) RemoveSocketFile(file);
  return status;
}

// Opens the file itself, so that another file at its path is never changed. `info` describes it. Invalid: the
// file is not there any more.
UniqueFd OpenSocketFile(const SocketFile& file, struct stat& info) {
  UniqueFd fd(::open(file.path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  const bool same =
      fd.Valid() && ::fstat(fd.Get(), &info) == 0 && info.st_dev == file.device && info.st_ino == file.inode;
  if (!same) fd.Reset();
  return fd;
}

Status ChangeMode(int fd, std::uint32_t mode, const std::string& path) {
  // fchmod(2) takes no O_PATH descriptor.
  if (::chmod(("/proc/self/fd/" + std::to_string(fd)).c_str(), mode) < 0) return SysError("chmod", path);
  return {};
}

bool OwnerDiffers(const struct stat& info, const SocketAccess& access) {
  return access.user.value_or(info.st_uid) != info.st_uid ||
         access.group.value_or(info.st_gid) != info.st_gid;
}

bool InGroup(gid_t group) {
  if (group == ::getegid()) return true;
  std::vector<gid_t> groups(static_cast<std::size_t>(std::max(0, ::getgroups(0, nullptr))));
  const int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
  return count > 0 && std::find(groups.begin(), groups.begin() + count, group) != groups.begin() + count;
}

bool KernelHas(sa_family_t family) {
  return UniqueFd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)).Valid() || errno != EAFNOSUPPORT;
}

// On a kernel without IPv6, as some that run containers are, all addresses of both families are those of
// IPv4.
SocketAddress AddressToBind(const ListenAddress& address) {
  if (!address.dual_stack || KernelHas(AF_INET6)) return address.address;
  return ParseListenAddress("0.0.0.0:" + std::to_string(address.address.Port())).Value().address;
}

}  // namespace

Result<UniqueFd> BindSocket(const ListenAddress& address, const SocketAccess& access) {
  const SocketAddress bound = AddressToBind(address);
  const sa_family_t family = bound.Family();
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.Valid()) return SysError("socket", address.text);
  if (family != AF_UNIX) {
    Status status = SetOption(fd.Get(), SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
    if (status.Ok()) status = SetOption(fd.Get(), IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY");
    if (!status.Ok()) return status.Err();
  }
  if (family == AF_INET6) {
    const int only_v6 = address.dual_stack ? 0 : 1;
    if (Status status = SetOption(fd.Get(), IPPROTO_IPV6, IPV6_V6ONLY, only_v6, "IPV6_V6ONLY");
        !status.Ok()) {
      return status.Err();
    }
  }
  if (address.HasFile()) {
    if (Status status = BindFile(fd.Get(), address, access); !status.Ok()) return status.Err();
  } else if (::bind(fd.Get(), bound.Get(), bound.length) < 0) {
    return SysError("bind", address.text);
  }
  return fd;
}

Result<UniqueFd> CopyListeningSocket(int fd, const std::string& name) {
  int type = 0;
  int listens = 0;
  socklen_t size = sizeof(int);
  if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0) return SysError("getsockopt", name);
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0) return SysError("getsockopt", name);
  if (type != SOCK_STREAM || listens == 0) {
    return Error{name +
                 ": the socket that was passed is not a listening stream socket: the socket unit needs "
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
  // An unnamed Unix peer has a family and nothing else.
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

void ResetOnClose(int fd) {
  const linger now{1, 0};
  (void)::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));  // cannot fail for a stream socket
}

Result<Peer> PeerOf(int fd) {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
    return SysError("getsockopt", "SO_PEERCRED");
  return Peer{credentials.uid, credentials.pid};
}

SocketFile FileOf(const ListenAddress& address) {
  struct stat info {};
  if (!address.HasFile() || ::lstat(address.name.c_str(), &info) < 0) return {};
  return SocketFile{address.name, info.st_dev, info.st_ino};
}

Status SetAccess(const SocketFile& file, const SocketAccess& access) {
  struct stat info {};
  if (file.path.empty()) return {};
  const UniqueFd fd = OpenSocketFile(file, info);
  if (!fd.Valid()) return {};
  std::uint32_t mode = info.st_mode & kPermissions;
  if (OwnerDiffers(info, access)) {
    if ((mode & access.mode) != mode) {
      mode &= access.mode;
      if (Status status = ChangeMode(fd.Get(), mode, file.path); !status.Ok()) return status;
    }
    constexpr uid_t kAsItIs = static_cast<uid_t>(-1);
    if (::fchownat(fd.Get(), "", access.user.value_or(kAsItIs), access.group.value_or(kAsItIs),
                   AT_EMPTY_PATH) < 0) {
      return SysError("chown", file.path);
    }
  }
  return mode == access.mode ? Status() : ChangeMode(fd.Get(), access.mode, file.path);
}

Status MaySetAccess(const SocketFile& file, const SocketAccess& access, bool any_owner) {
  struct stat info {};
  if (any_owner || file.path.empty() || !OpenSocketFile(file, info).Valid() || !OwnerDiffers(info, access))
    return {};
  const bool same_user = access.user.value_or(info.st_uid) == info.st_uid && info.st_uid == ::geteuid();
  if (same_user && InGroup(*access.group)) return {};
  return SysErrorOf(EPERM, "chown", file.path);
}

SocketFilePresence CheckSocketFile(const SocketFile& file) {
  struct stat info {};
  if (file.path.empty()) return SocketFilePresence::kOurs;
  if (::lstat(file.path.c_str(), &info) < 0) {
    return errno == ENOENT || errno == ENOTDIR ? SocketFilePresence::kGone : SocketFilePresence::kOurs;
  }
  return info.st_dev == file.device && info.st_ino == file.inode ? SocketFilePresence::kOurs
                                                                 : SocketFilePresence::kReplaced;
}

void MakeFolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  if (!folder.empty()) (void)::mkdir(folder.c_str(), 0755);
}

void RemoveSocketFile(const SocketFile& file) {
  struct stat info {};
  if (file.path.empty() || ::lstat(file.path.c_str(), &info) < 0) return;
  if (info.st_dev == file.device && info.st_ino == file.inode) ::unlink(file.path.c_str());
}

}  // namespace preforkd
