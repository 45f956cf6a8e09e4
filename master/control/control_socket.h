// ControlSocket: the operator's way in: a Unix socket of mode 0600 in the file system, and its clients.
//
// Who may connect is decided twice, by the file's mode and by the kernel's word about the peer: root and the user
// that the master runs as, nobody else. Removes its file when it goes.
#ifndef PREFORKD_MASTER_CONTROL_CONTROL_SOCKET_H_
#define PREFORKD_MASTER_CONTROL_CONTROL_SOCKET_H_

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "common/base/rate_limit.h"
#include "common/event/event_loop.h"
#include "common/event/fd_watch.h"
#include "common/event/timer.h"
#include "common/net/socket_ops.h"
#include "master/control/control_client.h"

namespace preforkd {

class ControlSocket {
 public:
  // Connections at a time. One more makes room by closing the one that has been idle for longest; when all wait
  // for an answer, it is turned away.
  static constexpr std::size_t kMaxClients = 32;

  // Makes the folder of `path` if only that is missing, and takes the place of a file that nobody listens on.
  // Error: bind(2)'s, EADDRINUSE when another server answers there.
  static Result<std::unique_ptr<ControlSocket>> Open(EventLoop& loop, const std::string& path,
                                                     ControlHandler handler);
  // The same again that this process had as another program. Error: it cannot be watched.
  static Result<std::unique_ptr<ControlSocket>> Inherit(EventLoop& loop, UniqueFd fd, std::string path, SocketFile file,
                                                        ControlHandler handler);
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;
  ~ControlSocket();

  [[nodiscard]] const std::string& Path() const { return path_; }
  [[nodiscard]] int Fd() const { return fd_.Get(); }  // borrowed
  [[nodiscard]] const SocketFile& File() const { return file_; }

  // Takes a client that this process had as another program: one that waits for the outcome of the upgrade, whose answer
  // is returned, or one that has asked for nothing yet.
  ControlAnswer InheritWaiter(UniqueFd fd);
  void InheritIdle(UniqueFd fd);
  // Descriptors, borrowed, of those that could go on with another program: who waits for a change, and who is quiet.
  [[nodiscard]] std::vector<int> Waiters() const;
  [[nodiscard]] std::vector<int> IdleClients() const;
  // Nobody is served whose session `leads`, by its process id, says so of: workers, which lead one each, are not the
  // operator, also where they are the same user as the master.
  void RefuseSessions(std::function<bool(int)> leads) { refused_session_ = std::move(leads); }

 private:
  ControlSocket(EventLoop& loop, UniqueFd fd, std::string path, SocketFile file, ControlHandler handler);
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
  UniqueFd fd_;
  std::string path_;
  SocketFile file_;
  ControlHandler handler_;
  std::function<bool(int)> refused_session_ = [](int) { return false; };
  std::list<std::shared_ptr<ControlClient>> clients_;  // oldest first
  FdWatch watch_;
  Timer resume_;
  OncePerSecond log_limit_;
  OncePerSecond refusal_log_;
};

}  // namespace preforkd

#endif
