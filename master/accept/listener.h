// Listener: one listening socket and its accept loop.
//
// It accepts a bounded batch per wake-up, so that timers, signals and workers get their turn. It never reads
// client data. When the descriptor table is full it stops watching the socket for a short time (the socket
// stays readable, so a level-triggered loop would spin), then resumes by itself.
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
#include "master/accept/second_look.h"

namespace preforkd {

// A connection that has just been accepted.
struct Arrival {
  ConnId id{};
  const SocketAddress& peer;
  const std::string& listener;  // its address
  Time at{};
  bool tls = false;     // a TLS handshake follows
  bool http = false;    // its service speaks HTTP
  bool hidden = false;  // the peer is a proxy, and the client not known yet
};

class Listener {
 public:
  // Receives accepted connections. `flush` ends each batch.
  struct Sink {
    std::function<void(PackedParcel&&)> submit;
    std::function<void()> flush;
    std::function<ConnId()> next_id;
    // Returns how many of `wanted` connections may be accepted now without using the descriptor reserve.
    std::function<std::size_t(std::size_t wanted)> room_for;
    // Called on EMFILE. Returns true if it freed a descriptor.
    std::function<bool()> make_room;
    std::function<void(int errnum)> on_error;  // accept4 failed, other than with EAGAIN or EINTR
    // False: the client has met a bound, and its connection has been taken. Empty: there are no bounds.
    std::function<bool(UniqueFd& fd, const Arrival& arrival)> admit{};
    // The number of the connection after that one. Empty: the next number.
    std::function<ConnId(ConnId last)> number_after{};
  };

  // Binds and listens. The kernel queues connections from then on; none is accepted before SetAccepting.
  static Result<std::unique_ptr<Listener>> Open(EventLoop& loop, const ListenConfig& config, ListenerId id,
                                                Sink sink);
  // Uses a socket that the service manager opened; `fd` is borrowed and duplicated. The manager keeps the
  // backlog setting, the socket file, and the connections still queued when this process ends.
  static Result<std::unique_ptr<Listener>> FromManager(EventLoop& loop, const ListenConfig& config,
                                                       ListenerId id, Sink sink, int fd);
  // Takes a socket on which the previous program of this process listened (upgrade). Takes `fd`.
  static Result<std::unique_ptr<Listener>> Restore(EventLoop& loop, const ListenConfig& config, ListenerId id,
                                                   Sink sink, UniqueFd fd, SocketFile file);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  // Closes the socket. Connections still in the queue of our own socket are reset (see DrainQueue).
  ~Listener();

  [[nodiscard]] const std::string& Key() const { return config_.address.text; }
  [[nodiscard]] ListenerId Id() const { return id_; }
  // The bound address, with the actual port where port 0 was configured.
  [[nodiscard]] const std::string& BoundText() const { return bound_text_; }
  [[nodiscard]] const ListenConfig& Config() const { return config_; }
  // The socket belongs to the service manager. It and its queue outlive this process.
  [[nodiscard]] bool Activated() const { return config_.address.kind == ListenAddress::Kind::kSystemd; }

  // Applies the settings that can change while the socket stays open: service, backlog, deferred accept and
  // access to the socket file. Error: some setting could not be applied.
  Status Reconfigure(const ListenConfig& config, bool defer_accept);
  // Predicts whether Reconfigure would succeed, as far as that can be known. Changes nothing.
  [[nodiscard]] Status MayReconfigure(const ListenConfig& config) const;
  void SetService(ServiceId service) { service_ = service; }
  [[nodiscard]] ServiceId Service() const { return service_; }
  // Its service speaks HTTP.
  void SetHttp(bool http) { http_ = http; }
  [[nodiscard]] bool Http() const { return http_; }
  // The scoreboard row for the counters of this listener. It must outlive the listener.
  void SetRow(ListenerRow* row) { row_ = row; }
  // Releases the row, for another listener on the same address.
  ListenerRow* GiveUpRow() { return std::exchange(row_, nullptr); }
  [[nodiscard]] ListenerRow* Row() { return row_; }
  [[nodiscard]] int Fd() const { return fd_.Get(); }  // borrowed
  [[nodiscard]] const SocketFile& File() const { return file_; }

  // Starts or pauses accepting.
  void SetAccepting(bool accepting);
  // Accepts everything that the kernel has queued, without a bound. Call it before closing a removed
  // listener.
  void DrainQueue();

 private:
  enum class BatchEnd { kEmpty, kBound, kStopped };

  static Result<std::unique_ptr<Listener>> On(UniqueFd fd, EventLoop& loop, const ListenConfig& config,
                                              ListenerId id, Sink sink);
  Listener(EventLoop& loop, UniqueFd fd, const ListenConfig& config, ListenerId id, Sink sink);
  void OnReadable();
  // `use_reserve`: accept even if that takes descriptors from the reserve.
  BatchEnd AcceptBatch(bool use_reserve);
  // False if accepting stops for now.
  bool OnAcceptError(int errnum);
  void PauseForRoom(std::string_view why);
  void UpdateWatch();

  UniqueFd fd_;
  ListenConfig config_;
  ListenerId id_;
  ServiceId service_{};
  bool http_ = false;
  std::string bound_text_;
  SocketFile file_;
  Sink sink_;
  ListenerRow* row_ = nullptr;
  FdWatch watch_;
  Timer resume_;  // pending while accepting pauses for lack of descriptors or memory
  OncePerSecond log_limit_;
  SecondLook look_;
  bool accepting_ = false;
  bool broken_ = false;
};

}  // namespace preforkd

#endif
