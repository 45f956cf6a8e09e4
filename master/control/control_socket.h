// ControlSocket: the operator's way in: a Unix socket of mode 0600 in the file system, and its clients.
//
// Who may connect is decided twice, by the file's mode and by the kernel's word about the peer: root and the
// user that the master runs as, nobody else. Removes its file when it goes.
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

// Where it listens: a socket that is bound and listens, and its file, which goes with it.
class ControlEndpoint {
 public:
  // Makes the folder of `path` if only that is missing, and takes the place of a file that nobody listens on.
  // Error: bind(2)'s, EADDRINUSE when another server answers there.
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
  // It was bound by this process as another program, and is its own from now on.
  void Own(SocketFile file) { file_ = std::move(file); }

 private:
  UniqueFd fd_;
  std::string path_;
  SocketFile file_;
};

class ControlSocket {
 public:
  // Connections at a time. One more makes room by closing the one that has been idle for longest; when all
  // wait for an answer, it is turned away.
  static constexpr std::size_t kMaxClients = 32;

  // Error: it cannot be watched.
  static Result<std::unique_ptr<ControlSocket>> Open(EventLoop& loop, ControlEndpoint endpoint,
                                                     ControlHandler handler);
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

  // Listens there from now on. Clients stay, those too that wait in the queue of the old place, whose file
  // goes. Error: it cannot be watched, and listens where it did.
  Status MoveTo(ControlEndpoint endpoint);

  [[nodiscard]] const std::string& Path() const { return endpoint_.Path(); }
  [[nodiscard]] int Fd() const { return endpoint_.Fd(); }  // borrowed
  [[nodiscard]] const SocketFile& File() const { return endpoint_.File(); }
  void Own(SocketFile file) { endpoint_.Own(std::move(file)); }

  // Takes a client that this process had as another program: one that waits for the outcome of the upgrade,
  // whose answer is returned, or one that has asked for nothing yet.
  ControlAnswer RestoreWaiter(UniqueFd fd);
  void RestoreIdle(UniqueFd fd);
  // Descriptors, borrowed, of those that could go on with another program: who waits for a change, and who is
  // quiet.
  [[nodiscard]] std::vector<int> Waiters() const;
  [[nodiscard]] std::vector<int> IdleClients() const;
  // Nobody is served whose session `leads`, by its process id, says so of: workers, which lead one each, are
  // not the operator, also where they are the same user as the master.
  void RefuseSessions(std::function<bool(int)> leads) { refused_session_ = std::move(leads); }

 private:
  ControlSocket(EventLoop& loop, ControlEndpoint endpoint, ControlHandler handler);
  [[nodiscard]] std::unique_ptr<FdWatch> MakeWatch(int fd);
  void OnReadable();
  // False when there is none, or no room.
  bool AcceptNext();
  void Admit(UniqueFd fd);
  std::shared_ptr<ControlClient> MakeClient(UniqueFd fd);
  // Watches it, and keeps it if that can be.
  void Keep(std::shared_ptr<ControlClient> client);
  // Why that is nobody to be served; nullptr: it is.
  [[nodiscard]] const char* WhyRefused(const Peer& peer) const;
  // False: all wait for an answer.
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
