// Connection: one live client connection, as its session sees it. Part of the public interface of services: a
// session uses the methods under "for sessions".
//
// It owns the timer, and as a ClientStream, which has the calls that send and receive, the socket and the
// session's pending decision. The session itself belongs to the host (LiveConnection). A connection never
// runs or destroys its session: decisions take effect after the session's callback has returned.
//
// All methods run in the worker process, on its event loop thread, and must be called only there.
#ifndef PREFORKD_WORKER_CONNECTION_CONNECTION_H_
#define PREFORKD_WORKER_CONNECTION_CONNECTION_H_

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "common/base/clock.h"
#include "common/event/fd_watch.h"
#include "common/wire/parcel.h"
#include "worker/connection/client_stream.h"
#include "worker/connection/parking/newcomers.h"
#include "worker/connection/session_timer.h"
#include "worker/connection/worker_env.h"

namespace preforkd {

class Service;
struct Luggage;

class Connection : public ClientStream {
 public:
  // Runs the session. Any of these calls may destroy the connection, except DecideLater.
  class Host {
   public:
    virtual void OnReady(Interest ready) = 0;
    // The timeout of SetTimeout or SetIdleTimeout has expired.
    virtual void OnTimeout() = 0;
    // The connection has been idle for parking.after, or longer if its rhythm says so, or a little later
    // (session_timer.h).
    virtual void OnIdle() = 0;
    // See Connection::Call.
    virtual void Call(const std::function<void()>& callback) = 0;
    // The session has made a decision or a wish, perhaps outside a callback that the host runs.
    virtual void DecideLater() = 0;

   protected:
    ~Host() = default;
  };

  Connection(WorkerEnv& env, Host& host, Parcel parcel);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // ---- for sessions ----

  // Unique number of the connection. It stays the same in every worker.
  [[nodiscard]] ConnId Id() const { return socket_.Facts().id; }
  // The client's address: the socket's peer, or what SetClient has set.
  [[nodiscard]] const SocketAddress& Peer() const { return socket_.Facts().peer; }
  // Number of requests counted on this connection so far, in all workers that have served it.
  [[nodiscard]] std::uint64_t Requests() const { return socket_.Facts().requests; }
  // Number of hand-overs from the master to a worker so far.
  [[nodiscard]] std::uint32_t Journeys() const { return socket_.Facts().journeys; }
  // What all services of this worker share.
  [[nodiscard]] WorkerEnv& Env() { return socket_.Env(); }

  // As ClientStream says. It also ends the silence of an idle client.
  IoResult Receive(std::span<char> into);

  // Sets the readiness for which OnReady is called; replaces the earlier one. Costs no system call if nothing
  // changes. If the socket cannot be watched, the connection is closed and counted as lost.
  void Await(Interest interest);
  // Session::OnTimeout is called once after `delay`. A connection has one timeout: each call of this or of
  // SetIdleTimeout replaces the earlier one. After OnTimeout the connection stays open unless Close is
  // called.
  void SetTimeout(Duration delay);
  void CancelTimeout();
  // Like SetTimeout, for a session that is idle and could travel (Session::TravelRefusal). If the connection
  // stays idle for parking.after, or longer if its rhythm says so (parking_rhythm.h), it is handed back to
  // the master, which watches it while it uses nothing in this worker. One that has no request yet
  // (CountRequest) has shown no rhythm.
  void SetIdleTimeout(Duration delay);
  // Asks the worker to hand the connection back. That happens after the current callback has returned, like
  // Close. The connection stays if TravelRefusal() gives a reason or the luggage is too large.
  void Travel();

  // Session::OnReady is called once, soon, with kNone. Also while another session is on the stack.
  void WakeSoon();

  // Counts one request, for this connection and in the scoreboard.
  void CountRequest();
  // Writes to the scoreboard what is being done for this client ("GET /x"). A crash or hang report shows it;
  // the client's address and the time are added here. `what` is copied, and cut if long.
  void Doing(std::string_view what);

  // Runs `callback` as the worker runs OnReady. Use it in every timer or watch that the session owns: then an
  // exception ends only this connection, and a hang report names this client. The session may be destroyed
  // when this returns, so make it the last statement.
  void Call(const std::function<void()>& callback) { host_.Call(callback); }

  // Ends the connection. The session is destroyed after its current callback has returned. If Close is called
  // from a timer of the session or from another session, that happens in the same turn of the event loop. If
  // the socket has unread input, the kernel sends RST after the data sent; to avoid that, call HalfClose and
  // read on before Close. `why` is logged and must be a static string; nullptr: the result of the last
  // Receive, Send or SendFile, or the timeout. Later calls of Await, SetTimeout and SetIdleTimeout have
  // no effect.
  void Close(const char* why = nullptr);
  // Lets another session, of `service`, take over after the current callback has returned; this session is
  // then destroyed. `service` must outlive the connection; `luggage` is passed to its Open.
  void SwitchService(Service& service, Luggage luggage);
  // Sets the peer address, for a proxy in front that knows the real client.
  void SetClient(const SocketAddress& client) { socket_.Facts().peer = client; }
  // Ends the connection through a fault of this server: it is counted as lost.
  void Lose(LossReason reason);
  // Close or Lose has been called.
  [[nodiscard]] bool Closing() const { return verdict_.closing; }

  // ---- for the host ----

  [[nodiscard]] const Parcel& Facts() const { return socket_.Facts(); }
  // For a gate: the handshake is done. `state` travels with the connection (EncodeTls).
  void SetTlsState(SecretBytes state);
  // Stops watching and returns the descriptor and the counters. Destroy the connection next.
  [[nodiscard]] Parcel TakeParcel();

 private:
  void OnSocketReady(Interest ready);
  void OnTimer();
  // Until it is parked, if it is idle from now on.
  [[nodiscard]] Duration Stay(const ParkingConfig& parking);

  Host& host_;
  Interest awaited_ = Interest::kNone;  // by the session
  Newcomer newcomer_;
  SessionTimer timer_;
};

}  // namespace preforkd

#endif
