// Listening and accepted sockets: thin wrappers that set close-on-exec and non-blocking in the creating call.
// Used in the master only.
#ifndef PREFORKD_COMMON_NET_SOCKET_OPS_H_
#define PREFORKD_COMMON_NET_SOCKET_OPS_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/net/address.h"

namespace preforkd {

// Access to a Unix socket that has a file: a process may connect if it may write to the file.
struct SocketAccess {
  std::uint32_t mode = 0666;
  std::optional<uid_t> user;  // unset: as bind(2) makes it
  std::optional<gid_t> group;

  bool operator==(const SocketAccess&) const = default;
};

// A bound socket that does not listen yet. TCP: SO_REUSEADDR, so that a restart does not wait for old
// connections to time out, and TCP_NODELAY, which accepted sockets inherit, because responses are sent whole.
// `:PORT` has IPv4 alone where the kernel has no IPv6.
// Unix: a socket file without a listener is removed first; the new file has the mode of `access` from its
// creation, whatever the umask, and its owner before anybody can connect. Changes the umask for a moment:
// single-threaded processes only. Error: EADDRINUSE, EACCES, EADDRNOTAVAIL and so on, with the address in the
// text.
Result<UniqueFd> BindSocket(const ListenAddress& address, const SocketAccess& access = {});

// A duplicate of a listening socket that another process has bound and keeps (sd_listen_fds(3)). Sets
// non-blocking, which affects the other process's copy too, and TCP_NODELAY as in BindSocket. `name` is for
// the error text. Error: the descriptor is not a listening stream socket, or cannot be duplicated.
Result<UniqueFd> CopyListeningSocket(int fd, const std::string& name);

// listen(2). May be called again with another backlog. The kernel caps it at net.core.somaxconn.
Status Listen(int fd, int backlog);

// TCP_DEFER_ACCEPT (tcp(7)) on or off. With it, accept returns a connection when its first bytes have come,
// or after the kernel's timeout of about a second. No effect on sockets that are not TCP.
Status SetDeferAccept(int fd, bool on);

// The address a socket is bound to, with the real port if 0 was asked for.
Result<SocketAddress> LocalAddress(int fd);

struct Accepted {
  // Invalid: see errnum (accept_error.h says what to do). No text is made: EAGAIN ends every batch.
  UniqueFd fd;
  int errnum = 0;
  SocketAddress peer;
};

// accept4(2), once.
Accepted AcceptOne(int listener);

// True for a stream socket that does not listen, as a client's connection is. Does not ask for the peer:
// after a reset getpeername fails, and the socket is still a client's connection.
bool IsStreamConnection(int fd);

// The kernel's identifier of a socket (SO_COOKIE), unique while the machine is up; all descriptors of one
// socket have the same. 0: not a socket.
std::uint64_t SocketCookie(int fd);
// Makes close(2) return at once, even if another holder of the socket has set SO_LINGER (socket(7)).
void StopLingering(int fd);

// Makes close(2) end the connection with a reset, so that nothing of it is left in the kernel (socket(7),
// SO_LINGER).
void ResetOnClose(int fd);

// The peer of a Unix socket, as the kernel recorded it at connect (unix(7), SO_PEERCRED).
struct Peer {
  std::uint32_t user = 0;
  int pid = 0;  // for a log line; the process may have ended
};
Result<Peer> PeerOf(int fd);

// The file of a Unix listener, identified right after it was bound.
struct SocketFile {
  std::string path;  // empty: the listener has no file
  std::uint64_t device = 0;
  std::uint64_t inode = 0;

  bool operator==(const SocketFile&) const = default;
};
SocketFile FileOf(const ListenAddress& address);
// Sets mode and owner of the file to `access`. Does nothing if they are right already, or if the path is
// another file by now. At no moment do more users have access than before or afterwards.
Status SetAccess(const SocketFile& file, const SocketAccess& access);
// Whether SetAccess would be allowed. `any_owner`: this process may give files to any user (CAP_CHOWN).
// Error: EPERM.
Status MaySetAccess(const SocketFile& file, const SocketAccess& access, bool any_owner);
// What is at its path now. kOurs also if the listener has no file, or its path cannot be examined.
enum class SocketFilePresence { kOurs, kGone, kReplaced };
SocketFilePresence CheckSocketFile(const SocketFile& file);
// Removes the file, unless the path is another file by now, bound by another process.
void RemoveSocketFile(const SocketFile& file);
// Makes the folder of `path`, mode 0755, if only its last component is missing. Errors are not reported here:
// creating the file in it will fail with the reason.
void MakeFolderOf(const std::string& path);

}  // namespace preforkd

#endif
