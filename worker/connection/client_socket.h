// ClientSocket: the socket of one client and all system calls on it. Every call is non-blocking and counted.
//
// Owns the parcel, which owns the descriptor, and the watch. Take() stops the watch before the descriptor
// leaves, because epoll would otherwise keep reporting events here. It does not interpret results: the
// meaning of an end of file or an error is up to the caller.
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
    kDone,   // `size` bytes were moved, at least one
    kAgain,  // no data, or no room in the send buffer, now
    kEnd,    // end of file (Receive), or the file ended early (SendFile)
    kError,  // the connection has failed with `errnum`
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

  // See Connection, which offers the same calls to sessions.
  IoResult Receive(std::span<char> into);
  IoResult Send(std::string_view bytes, bool more_follows);
  IoResult SendFile(int file, off_t& offset, std::size_t count);
  [[nodiscard]] std::uint64_t Unacknowledged() const;
  [[nodiscard]] bool HasInput() const;
  [[nodiscard]] bool PeerHasLeft() const;
  void HalfClose();

  Status Await(Interest interest) { return watch_.Want(interest); }
  void StopWaiting() { watch_.Stop(); }

  [[nodiscard]] WorkerEnv& Env() const { return env_; }
  [[nodiscard]] Parcel& Facts() { return parcel_; }
  [[nodiscard]] const Parcel& Facts() const { return parcel_; }
  // Stops the watch and returns the descriptor and the counters. Destroy the socket next.
  [[nodiscard]] Parcel Take();

 private:
  WorkerEnv& env_;
  Parcel parcel_;
  FdWatch watch_;
};

}  // namespace preforkd

#endif
