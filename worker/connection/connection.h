// Connection: one live client as its session sees it. Part of the public interface of services: a session
// calls the methods under "for sessions".
//
// Owns the socket, the timer and what the session has decided; the session itself belongs to the host
// (LiveConnection). All I/O is non-blocking and at once; there is no hidden buffer. It must never run or
// destroy a session: what a session asks for waits until its callback has returned.
#ifndef PREFORKD_WORKER_CONNECTION_CONNECTION_H_
#define PREFORKD_WORKER_CONNECTION_CONNECTION_H_

#include <sys/types.h>

#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "common/base/clock.h"
#include "common/event/fd_watch.h"
#include "common/wire/parcel.h"
#include "worker/connection/client_socket.h"
#include "worker/connection/session_timer.h"
#include "worker/connection/session_verdict.h"
#include "worker/connection/worker_env.h"

namespace preforkd {

class Service;
struct Luggage;

class Connection {
 public:
  // Runs the session. Any of these calls may destroy the connection, except DecideLater.
  class Host {
   public:
    virtual void OnReady(Interest ready) = 0;
    // The time of SetTimeout or SetIdleTimeout is over.
    virtual void OnTimeout() = 0;
    // It has been idle for parking.after.
    virtual void OnIdle() = 0;
    // See Connection::Call.
    virtual void Call(const std::function<void()>& callback) = 0;
    // The session has decided something, perhaps outside a callback that the host knows of.
    virtual void DecideLater() = 0;

   protected:
    ~Host() = default;
  };

  Connection(WorkerEnv& env, Host& host, Parcel parcel);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // ---- for sessions ----

  [[nodiscard]] ConnId Id() const { return socket_.Facts().id; }
  [[nodiscard]] const SocketAddress& Peer() const { return socket_.Facts().peer; }
  // Requests served on this connection so far, by all workers that have had it.
  [[nodiscard]] std::uint64_t Requests() const { return socket_.Facts().requests; }
  // Hand-overs of it so far.
  [[nodiscard]] std::uint32_t Journeys() const { return socket_.Facts().journeys; }
  [[nodiscard]] WorkerEnv& Env() { return socket_.Env(); }

  IoResult Receive(std::span<char> into);
  // `more_follows`: let the kernel wait for the rest before it sends a segment (MSG_MORE).
  IoResult Send(std::string_view bytes, bool more_follows = false);
  // sendfile(2). `offset` moves forward by what was sent. kEnd: the file ended early (it was truncated).
  IoResult SendFile(int file, off_t& offset, std::size_t count);
  // Bytes that were sent and that the client's system has not acknowledged; on a Unix socket, about as many
  // as nobody has read.
  [[nodiscard]] std::uint64_t Unacknowledged() const { return socket_.Unacknowledged(); }
  // Bytes of the client lie in the socket.
  [[nodiscard]] bool HasInput() const { return socket_.HasInput(); }
  // No more from us: FIN behind what has been sent.
  void HalfClose() { socket_.HalfClose(); }

  // Which readiness OnReady is to be called for from now on. Free when nothing changes.
  void Await(Interest interest);
  void SetTimeout(Duration delay);
  void CancelTimeout() { timer_.Cancel(); }
  // The session is idle and could travel (Session::TravelRefusal); OnTimeout comes after `delay` if nothing
  // does. A connection that stays idle for parking.after goes back to the master, which watches it at no cost
  // here.
  void SetIdleTimeout(Duration delay);
  // Asks the worker to hand the connection back when the current callback has returned, whoever runs it (see
  // Close).
  void Travel();

  void CountRequest();
  // Says in the scoreboard what is being done for this client ("GET /x"): what a crash or hang report names,
  // with the client's address and the time, which are added here.
  void Doing(std::string_view what);

  // Runs a callback of the session's that the worker does not know of, of a timer or watch of its own, as the
  // worker runs OnReady: what it throws costs this connection only, and if it hangs the log names this
  // client. The session may be destroyed when this returns: last statement.
  void Call(const std::function<void()>& callback) { host_.Call(callback); }

  // Ends the connection. The session is destroyed after its current callback has returned, also when that is
  // one of a timer of its own or of another session: then in the same turn of the loop. With unread input in
  // the socket the kernel sends RST behind what was sent: a session that cares half-closes and reads on.
  // `why` is for the log, and static; nullptr: what the last receiving or sending said, or the timeout.
  void Close(const char* why = nullptr);
  // Another session of `service` takes over when the current callback has returned; this one is destroyed.
  void SwitchService(Service& service, Luggage luggage);
  // Who the peer is, where a proxy in front knows better than the socket.
  void SetClient(const SocketAddress& client) { socket_.Facts().peer = client; }
  // Ends the connection because of us: it counts as lost.
  void Lose(LossReason reason);
  [[nodiscard]] bool Closing() const { return verdict_.closing; }

  // ---- for the host ----

  [[nodiscard]] SessionVerdict& Verdict() { return verdict_; }
  [[nodiscard]] const Parcel& Facts() const { return socket_.Facts(); }
  // Takes the descriptor and the counters out, deregistered; the connection must be destroyed next.
  [[nodiscard]] Parcel TakeParcel();

 private:
  Host& host_;
  ClientSocket socket_;
  SessionTimer timer_;
  SessionVerdict verdict_;
};

}  // namespace preforkd

#endif
