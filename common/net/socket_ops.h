// Listening sockets and accepted ones: thin wrappers that set close-on-exec and non-blocking in the call
// itself. Runs in the master only.
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

// Who may connect to a Unix socket that has a file: whoever may write to the file.
struct SocketAccess {
  std::uint32_t mode = 0666;
  std::optional<uid_t> user;  // unset: as the file is made
  std::optional<gid_t> group;

  bool operator==(const SocketAccess&) const = default;
};

// A bound socket that does not listen yet. TCP: SO_REUSEADDR, so that a restart does not wait for old
// connections to time out, and TCP_NODELAY, which accepted sockets inherit, because answers are sent whole.
// Unix: a socket file that nobody listens on any more is removed first, and the new one has the mode of
// `access` from the first moment, whatever the umask, and its owner before anybody can connect. The umask is
// changed for a moment: one thread only. Error: EADDRINUSE, EACCES, EADDRNOTAVAIL and so on, with the address
// in the text.
Result<UniqueFd> BindSocket(const ListenAddress& address, const SocketAccess& access = {});

// A copy of a socket that somebody else has bound and listens on, and keeps (sd_listen_fds(3)): non-blocking,
// which holds for the other's copy too, and with TCP_NODELAY as BindSocket sets it. `name` is for the error:
// the descriptor is not a stream socket that listens, or cannot be copied.
Result<UniqueFd> CopyListeningSocket(int fd, const std::string& name);

// listen(2). May be called again with another backlog. The kernel caps it at net.core.somaxconn.
Status Listen(int fd, int backlog);

// TCP_DEFER_ACCEPT (tcp(7)) on or off: with it, accept sees a connection when its first bytes have come, or
// after the kernel's patience of about a second. No effect on sockets that are not TCP.
Status SetDeferAccept(int fd, bool on);

// The address a socket is bound to: port 0 has become a real one.
Result<SocketAddress> LocalAddress(int fd);

struct Accepted {
  UniqueFd fd;     // invalid: errnum says why (accept_error.h says what to do); no text is made, because the
  int errnum = 0;  // commonest errno ends every batch
  SocketAddress peer;
};

// accept4(2), once.
Accepted AcceptOne(int listener);

// A stream socket that does not listen: what a client's connection is. Whether the peer is still there is not
// asked: after its reset getpeername fails, and the connection is a client's all the same.
bool IsStreamConnection(int fd);

// The kernel's name of a socket (SO_COOKIE): no other socket has it, as long as the machine is up; all
// descriptors of one have the same. 0: not a socket.
std::uint64_t SocketCookie(int fd);
// Makes closing it return at once, whatever somebody else who has it may have asked for (SO_LINGER,
// socket(7)).
void StopLingering(int fd);

// Who connected to a Unix socket, as the kernel remembers it (unix(7), SO_PEERCRED).
struct Peer {
  std::uint32_t user = 0;
  int pid = 0;  // for a log line; it may have ended by now
};
Result<Peer> PeerOf(int fd);

// The file of a Unix listener, remembered right after it was bound.
struct SocketFile {
  std::string path;  // empty: the listener has no file
  std::uint64_t device = 0;
  std::uint64_t inode = 0;

  bool operator==(const SocketFile&) const = default;
};
SocketFile FileOf(const ListenAddress& address);
// Gives it to those of `access`; nothing where it is theirs already, or by now is another file. Never more
// people than before or after may connect meanwhile.
Status SetAccess(const SocketFile& file, const SocketAccess& access);
// Would SetAccess be allowed? `any_owner`: this process may give files to anybody (CAP_CHOWN). Error: EPERM.
Status MaySetAccess(const SocketFile& file, const SocketAccess& access, bool any_owner);
// What is at its path by now. kOurs also where there is no file, or none can be seen.
enum class SocketFilePresence { kOurs, kGone, kReplaced };
SocketFilePresence CheckSocketFile(const SocketFile& file);
// Removes it, unless by now it is another one: a successor's, bound to the same path.
void RemoveSocketFile(const SocketFile& file);
// Makes the folder of `path`, mode 0755, if only that is missing. What is wrong otherwise, whoever makes the
// file says.
void MakeFolderOf(const std::string& path);

}  // namespace preforkd

#endif
