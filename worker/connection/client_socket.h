// ClientSocket: the socket of one client, and every system call on it: each done at once, without waiting,
// and counted.
//
// Owns the parcel, which owns the descriptor, and the watch on it. The watch must stop before the descriptor
// leaves, or epoll would go on firing here: Take() sees to that. It judges nothing: what an end of file or an
// error means is the caller's business.
#ifndef PREFORKD_WORKER_CONNECTION_CLIENT_SOCKET_H_
#define PREFORKD_WORKER_CONNECTION_CLIENT_SOCKET_H_

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string_view>

#include "common/base/result.h"
#include "common/event/fd_watch.h"
#include "common/wire/parcel.h"
#include "worker/connection/worker_env.h"

namespace preforkd {

struct IoResult {
  enum class Kind {
    kDone,   // `size` bytes moved, at least one
    kAgain,  // the socket has nothing to give, or no room, now
    kEnd,    // end of file (receiving only)
    kError,  // the connection is broken; errnum says how
  };
  Kind kind = Kind::kAgain;
  std::size_t size = 0;
  int errnum = 0;

  [[nodiscard]] bool Done() const { return kind == Kind::kDone; }
};

class ClientSocket {
 public:
  // `on_ready` may destroy the socket.
  ClientSocket(WorkerEnv& env, Parcel parcel, FdWatch::Callback on_ready);

  // See Connection, which has the same calls for sessions.
  IoResult Receive(std::span<char> into);
  IoResult Send(std::string_view bytes, bool more_follows);
  IoResult SendFile(int file, off_t& offset, std::size_t count);
  [[nodiscard]] std::uint64_t Unacknowledged() const;
  [[nodiscard]] bool HasInput() const;
  void HalfClose();

  Status Await(Interest interest) { return watch_.Want(interest); }
  void StopWaiting() { watch_.Stop(); }

  [[nodiscard]] WorkerEnv& Env() const { return env_; }
  [[nodiscard]] Parcel& Facts() { return parcel_; }
  [[nodiscard]] const Parcel& Facts() const { return parcel_; }
  // The descriptor and the counters, no longer watched; the socket must be destroyed next.
  [[nodiscard]] Parcel Take();

 private:
  WorkerEnv& env_;
  Parcel parcel_;
  FdWatch watch_;
};

}  // namespace preforkd

#endif
