// ControlSocket: the operator's interface, a Unix socket of mode 0600 in the file system, and its clients.
//
// Access is checked twice: by the file mode, and by the peer credentials from the kernel. Only root and the
// user of the master may connect. The socket file is removed on destruction.
#ifndef PREFORKD_MASTER_CONTROL_CONTROL_SOCKET_H_
#define PREFORKD_MASTER_CONTROL_CONTROL_SOCKET_H_

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/event/event_loop.h"
#include "common/event/fd_watch.h"
#include "common/event/timer.h"
#include "common/net/socket_ops.h"
#include "common/structures/rate_limit.h"
#include "master/control/control_client.h"

namespace preforkd {

// A bound, listening socket and its file. Removes the file on destruction.
class ControlEndpoint {
 public:
  // Creates the parent folder of `path` if it is missing (one level only). Replaces a socket file on which no
  // process listens. Error: that of bind(2); EADDRINUSE if another server answers at `path`.
  static Result<ControlEndpoint> Bind(const std::string& path);
  ControlEndpoint(UniqueFd fd, std::string path, SocketFile file)
      : fd_(std::move(fd)), path_(std::move(path)), file_(std::move(file)) {}
  ControlEndpoint(ControlEndpoint&& other) noexcept
      : fd_(std::move(other.fd_)), path_(std::move(other.path_)), file_(std::exchange(other.file_, {})) {}
  ControlEndpoint& operator=(ControlEndpoint&& other) noexcept;
  ~ControlEndpoint() { RemoveSocketFile(file_); }

  [[nodiscard]] int Fd() const { return fd_.Get(); }  // borrowed
  [[nodiscard]] const std::string& Path() const { return path_; }
  [[nodiscard]] const SocketFile& File() const { return file_; }
  // The previous program of this process bound the socket (upgrade). From now on this object removes its
  // file.
  void Own(SocketFile file) { file_ = std::move(file); }

 private:
  UniqueFd fd_;
  std::string path_;
  SocketFile file_;
};

class ControlSocket {
 public:
  // Maximum number of connections. A new client replaces the longest idle one; if all wait for a reply, the
  // new client is refused.
  static constexpr std::size_t kMaxClients = 32;

  // Error: the socket cannot be watched.
  static Result<std::unique_ptr<ControlSocket>> Open(EventLoop& loop, ControlEndpoint endpoint,
                                                     ControlHandler handler);
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

  // Listens at `endpoint` from now on and removes the old socket file. Connected clients, and those in the
  // queue of the old socket, are kept. Error: the new socket cannot be watched; the old one stays in service.
  Status MoveTo(ControlEndpoint endpoint);

  [[nodiscard]] const std::string& Path() const { return endpoint_.Path(); }
  [[nodiscard]] int Fd() const { return endpoint_.Fd(); }  // borrowed
  [[nodiscard]] const SocketFile& File() const { return endpoint_.File(); }
  void Own(SocketFile file) { endpoint_.Own(std::move(file)); }

  // Take clients of the previous program (upgrade): one that waits for the outcome of the upgrade (returns
  // the function that sends its reply), or one without a pending request.
  ControlAnswer RestoreWaiter(UniqueFd fd);
  void RestoreIdle(UniqueFd fd);
  // Descriptors (borrowed) of clients that can be passed to the next program: those that wait for a change,
  // and those without a pending request.
  [[nodiscard]] std::vector<int> Waiters() const;
  [[nodiscard]] std::vector<int> IdleClients() const;
  // Refuses peers whose session leader is a process for which `leads` returns true. A worker leads a session
  // of its own: it is never the operator, even if it runs as the master's user.
  void RefuseSessions(std::function<bool(int)> leads) { refused_session_ = std::move(leads); }

 private:
  ControlSocket(EventLoop& loop, ControlEndpoint endpoint, ControlHandler handler);
  [[nodiscard]] std::unique_ptr<FdWatch> MakeWatch(int fd);
  void OnReadable();
  // False if none is queued or accepting has paused.
  bool AcceptNext();
  void Admit(UniqueFd fd);
  std::shared_ptr<ControlClient> MakeClient(UniqueFd fd);
  // Watches the client and keeps it; closes it if it cannot be watched.
  void Keep(std::shared_ptr<ControlClient> client);
  // The reason to refuse the peer; nullptr: it may connect.
  [[nodiscard]] const char* WhyRefused(const Peer& peer) const;
  // False if every client waits for a reply.
  bool MakeRoom();
  void Pause(int errnum);
  void Watch();

  EventLoop& loop_;
  ControlEndpoint endpoint_;
  ControlHandler handler_;
  std::function<bool(int)> refused_session_ = [](int) { return false; };
  std::list<std::shared_ptr<ControlClient>> clients_;  // oldest first
  std::unique_ptr<FdWatch> watch_;
  Timer resume_;
  OncePerSecond log_limit_;
  OncePerSecond refusal_log_;
};

}  // namespace preforkd

#endif
