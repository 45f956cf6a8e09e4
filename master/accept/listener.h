// Listener: one listening socket and its accept loop.
//
// Accepts a bounded batch per wake-up, so that timers, signals and workers get their turn. Reads no byte of a
// client. When the descriptor table is full it stops looking for a moment (the socket stays readable, and a
// level-triggered loop would spin) and resumes by itself.
#ifndef PREFORKD_MASTER_ACCEPT_LISTENER_H_
#define PREFORKD_MASTER_ACCEPT_LISTENER_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "common/config/config.h"
#include "common/event/event_loop.h"
#include "common/event/fd_watch.h"
#include "common/event/timer.h"
#include "common/net/socket_ops.h"
#include "common/scoreboard/scoreboard.h"
#include "common/structures/rate_limit.h"
#include "common/wire/packed_parcel.h"

namespace preforkd {

class Listener {
 public:
  // Where accepted connections go. `flush` ends each batch.
  struct Sink {
    std::function<void(PackedParcel&&)> submit;
    std::function<void()> flush;
    std::function<ConnId()> next_id;
    // Of `wanted` connections, how many there are descriptors for, some kept in reserve. 0: none for now.
    std::function<std::size_t(std::size_t wanted)> room_for;
    // The descriptor table is full all the same: true when somebody could do without one.
    std::function<bool()> make_room;
    std::function<void(int errnum)> on_error;  // accept4 has failed, and not only because nobody waits
  };

  // Binds and listens; the kernel queues connections from then on, but none is accepted before SetAccepting.
  static Result<std::unique_ptr<Listener>> Open(EventLoop& loop, const ListenConfig& config, ListenerId id,
                                                Sink sink);
  // The same on a socket that a service manager has opened and keeps, of which this listener takes a copy.
  // Its backlog, its file and what is queued when we end stay the manager's.
  static Result<std::unique_ptr<Listener>> FromManager(EventLoop& loop, const ListenConfig& config,
                                                       ListenerId id, Sink sink, int fd);
  // The same socket again that this process has listened on as another program.
  static Result<std::unique_ptr<Listener>> Restore(EventLoop& loop, const ListenConfig& config, ListenerId id,
                                                   Sink sink, UniqueFd fd, SocketFile file);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  // Closes; connections that wait in the queue of a socket of our own are reset (see DrainQueue).
  ~Listener();

  [[nodiscard]] const std::string& Key() const { return config_.address.text; }
  [[nodiscard]] ListenerId Id() const { return id_; }
  // As bound: port 0 has become a real one.
  [[nodiscard]] const std::string& BoundText() const { return bound_text_; }
  [[nodiscard]] const ListenConfig& Config() const { return config_; }
  // The socket is a service manager's: it outlives us, and so does its queue.
  [[nodiscard]] bool Activated() const { return config_.address.kind == ListenAddress::Kind::kSystemd; }

  // Takes over what may change while the socket stays: service, backlog, deferred accept, and who may connect
  // to its file. Error: some of it could not be changed.
  Status Reconfigure(const ListenConfig& config, bool defer_accept);
  // Whether Reconfigure would succeed, as far as one can know; changes nothing.
  [[nodiscard]] Status MayReconfigure(const ListenConfig& config) const;
  void SetService(ServiceId service) { service_ = service; }
  [[nodiscard]] ServiceId Service() const { return service_; }
  // The row in which this listener shows its counters; it must outlive it.
  void SetRow(ListenerRow* row) { row_ = row; }
  // Leaves it to another listener on the same address.
  ListenerRow* GiveUpRow() { return std::exchange(row_, nullptr); }
  [[nodiscard]] ListenerRow* Row() { return row_; }
  [[nodiscard]] int Fd() const { return fd_.Get(); }  // borrowed
  [[nodiscard]] const SocketFile& File() const { return file_; }

  // Accepts from now on, or pauses.
  void SetAccepting(bool accepting);
  // Accepts everything that the kernel has queued, however much: before a listener that leaves is closed.
  void DrainQueue();

 private:
  enum class BatchEnd { kEmpty, kBound, kStopped };

  static Result<std::unique_ptr<Listener>> On(UniqueFd fd, EventLoop& loop, const ListenConfig& config,
                                              ListenerId id, Sink sink);
  Listener(EventLoop& loop, UniqueFd fd, const ListenConfig& config, ListenerId id, Sink sink);
  void OnReadable();
  // `to_the_last`: without a reserve.
  BatchEnd AcceptBatch(bool to_the_last);
  // False when accepting stops for now.
  bool OnAcceptError(int errnum);
  void PauseForRoom(std::string_view why);
  void UpdateWatch();

  UniqueFd fd_;
  ListenConfig config_;
  ListenerId id_;
  ServiceId service_{};
  std::string bound_text_;
  SocketFile file_;
  Sink sink_;
  ListenerRow* row_ = nullptr;
  FdWatch watch_;
  Timer resume_;  // pending while the system has no room
  OncePerSecond log_limit_;
  bool accepting_ = false;
  bool broken_ = false;
};

}  // namespace preforkd

#endif
