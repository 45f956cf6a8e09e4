// Connection: one live client in this worker. Owns the descriptor, its watch, its timer and its session.
//
// Part of the public interface of services: a session calls the methods under "for sessions". All I/O is
// non-blocking and at once; there is no hidden buffer.
// It must deregister before the descriptor leaves (TakeParcel), or epoll would go on firing here.
#ifndef PREFORKD_WORKER_CONNECTION_CONNECTION_H_
#define PREFORKD_WORKER_CONNECTION_CONNECTION_H_

#include <sys/types.h>

#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "common/base/clock.h"
#include "common/event/fd_watch.h"
#include "common/event/timer.h"
#include "common/structures/recycled.h"
#include "common/wire/parcel.h"
#include "worker/connection/worker_env.h"

namespace preforkd {

class Service;
class Session;
struct Luggage;
struct Beginning;

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

class Connection : public Recycled<Connection> {
 public:
  // What the worker does when a connection has ended; `connection` is destroyed inside.
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void OnConnectionClosed(Connection& connection) = 0;
    // It may go to the master now, if the worker wants that; `connection` may be destroyed inside.
    virtual void OnConnectionIdle(Connection& connection) = 0;
  };

  Connection(WorkerEnv& env, Owner& owner, Parcel parcel);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // ---- for sessions ----

  [[nodiscard]] ConnId Id() const { return parcel_.id; }
  [[nodiscard]] const SocketAddress& Peer() const { return parcel_.peer; }
  // Requests served on this connection so far, by all workers that have had it.
  [[nodiscard]] std::uint64_t Requests() const { return parcel_.requests; }
  // Hand-overs of it so far.
  [[nodiscard]] std::uint32_t Journeys() const { return parcel_.journeys; }
  [[nodiscard]] WorkerEnv& Env() { return env_; }

  IoResult Receive(std::span<char> into);
  // `more_follows`: let the kernel wait for the rest before it sends a segment (MSG_MORE).
  IoResult Send(std::string_view bytes, bool more_follows = false);
  // sendfile(2). `offset` moves forward by what was sent. kEnd: the file ended early (it was truncated).
  IoResult SendFile(int file, off_t& offset, std::size_t count);
  // Bytes that were sent and that the client's system has not acknowledged; on a Unix socket, about as many as nobody
  // has read.
  [[nodiscard]] std::uint64_t Unacknowledged() const;
  // No more from us: FIN behind what has been sent.
  void HalfClose();

  // Which readiness OnReady is to be called for from now on. Free when nothing changes.
  void Await(Interest interest);
  void SetTimeout(Duration delay);
  void CancelTimeout();
  // The session is idle and could travel (Session::TravelRefusal); OnTimeout comes after `delay` if nothing does.
  // A connection that stays idle for parking.after goes back to the master, which watches it at no cost here.
  void SetIdleTimeout(Duration delay);
  // Asks the worker to hand the connection back when the current callback has returned, whoever runs it (see Close).
  void Travel();

  void CountRequest();
  // Says in the scoreboard what is being done for this client ("GET /x"): what a crash or hang report names,
  // with the client's address and the time, which are added here.
  void Doing(std::string_view what);

  // Runs a callback of the session's that the worker does not know of, of a timer or watch of its own, as the worker
  // runs OnReady: what it throws costs this connection only, and if it hangs the log names this client. The session may
  // be destroyed when this returns: last statement.
  void Call(const std::function<void()>& callback);

  // Ends the connection. The session is destroyed after its current callback has returned, also when that is one of a
  // timer of its own or of another session: then in the same turn of the loop. With unread input in the socket the
  // kernel sends RST behind what was sent: a session that cares half-closes and reads on.
  // `why` is for the log, and static; nullptr: what the last receiving or sending said, or the timeout.
  void Close(const char* why = nullptr);
  // Another session of `service` takes over when the current callback has returned; this one is destroyed.
  void BeginAnew(Service& service, Luggage luggage);
  // Who the peer is, where a proxy in front knows better than the socket.
  void SetClient(const SocketAddress& client) { parcel_.peer = client; }
  // Ends the connection because of us: it counts as lost.
  void Lose(LossReason reason);
  [[nodiscard]] bool Closing() const { return closing_; }

  // ---- for the worker ----

  // Opens the session and lets it read first.
  void Start(Service& service, Luggage luggage);
  void Retire();
  // Its place is needed: ends it, if its session agrees.
  void GiveWay();
  // Session::Lag, guarded like every callback; 0 when it throws, which ends the connection a moment later.
  [[nodiscard]] Duration Lag(Time now);
  // What is to travel with it. nullopt: it stays. Either its session refuses, or what it packs is too heavy, which is
  // logged and not tried again until bytes have moved or the session asks (Travel); or the session threw, which ends
  // the connection a moment later. The session is as it was.
  [[nodiscard]] std::optional<Luggage> Pack();
  // Does what was asked for outside a callback of its own. It may be destroyed when this returns.
  void Settle();
  // Ends it at once, because of us. Not inside a callback of a session.
  void End(LossReason reason);
  // Bytes of the client lie in the socket.
  [[nodiscard]] bool HasInput() const;
  [[nodiscard]] const Session& GetSession() const { return *session_; }
  // Takes the descriptor and the counters out, deregistered; the connection must be destroyed next.
  [[nodiscard]] Parcel TakeParcel();
  // Set when it ended because of us.
  [[nodiscard]] std::optional<LossReason> Loss() const { return loss_; }
  // One line, at level debug: how it went, and why it has ended.
  void LogEnd() const;
  // Its place in the ConnectionTable.
  void SetTableIndex(std::size_t index) { table_index_ = index; }
  [[nodiscard]] std::size_t TableIndex() const { return table_index_; }

 private:
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  void Open(Service& service, Luggage luggage);
  // The one way into a session: stamps the scoreboard, catches what it throws. Ends nothing.
  template <typename Callback>
  void Guard(Callback callback);
  // Runs one callback of the session guarded, and when it has closed the connection, ends it. The connection may be
  // gone when this returns.
  template <typename Callback>
  void Run(Callback callback);
  // For what was asked for while no callback of this session runs, as far as we know.
  void SettleLater();
  void OnTimer();
  void LoseToException(std::string_view what);
  // What a session that closes without a word will have closed for.
  void Note(const IoResult& result);

  WorkerEnv& env_;
  Owner& owner_;
  Parcel parcel_;
  FdWatch watch_;
  Timer timer_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<Beginning> anew_;  // set by BeginAnew, until its callback has returned
  std::size_t table_index_ = 0;
  std::optional<LossReason> loss_;
  std::uint64_t heavy_at_ = kNever;  // bytes that had moved when its luggage was too heavy
  const char* why_ = "its session is done";  // it ends
  std::optional<Time> session_deadline_;  // while the timer runs for parking first: when OnTimeout is due
  bool closing_ = false;
  bool travel_ = false;
  bool in_callback_ = false;
  bool due_ = false;  // env_.due has it
};

}  // namespace preforkd

#endif
