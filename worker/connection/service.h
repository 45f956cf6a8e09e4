// The public interface of services: what one implements to speak a protocol of one's own.
//
// A Service is made once per worker and configured service; it opens a Session for each connection that the
// worker takes. A session lives in one process with one thread: every method is called from the loop, must
// not block, and may call the Connection that it was given. The session does not own its connection: the
// worker destroys the session when the connection is closed or sent away. A method that throws costs its
// connection, which is closed, logged and counted as lost; the worker and its other connections go on. For
// callbacks of timers and watches of the session's own that holds inside Connection::Call.
#ifndef PREFORKD_WORKER_CONNECTION_SERVICE_H_
#define PREFORKD_WORKER_CONNECTION_SERVICE_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/config/config.h"
#include "common/event/fd_watch.h"
#include "worker/connection/connection.h"
#include "worker/connection/worker_env.h"

namespace preforkd {

// What `unread` and `context` of a Luggage may weigh together.
inline constexpr std::size_t kMaxLuggageBytes = 48 * 1024;
static_assert(kMaxLuggageBytes == kMaxParcelBytes);

// What travels with a connection, besides the descriptor and what the worker itself counts.
struct Luggage {
  std::string unread;     // bytes received from the client and not yet used, in order
  std::string context;    // the service's own state; starts with a version byte of the service
  Duration idle_left{0};  // how much longer the connection may stay idle; 0 = no limit
  // There is something to do without the client: a whole request in `unread`, an answer half sent. A worker
  // gets the connection at once. Without it the connection is parked, whatever `unread` holds, until the
  // client sends more, closes (then the master closes it too) or idle_for is over: right for half a request,
  // wrong for a whole one.
  bool wake = false;
};

class Session {
 public:
  virtual ~Session() = default;

  // The descriptor is ready for what was awaited. Also called once right after Open with kRead, before
  // anything is registered: read first, and call Connection::Await only if more must be awaited.
  virtual void OnReady(Interest ready) = 0;

  // The time of Connection::SetTimeout is over.
  virtual void OnTimeout() = 0;

  // The worker is leaving, and this connection does not travel now: TravelRefusal() gave a reason, the
  // luggage is too heavy, or the whole server stops and there is something left to do (Luggage::wake, or the
  // client has just spoken). Finish what has been begun, then call Connection::Travel (or Close).
  virtual void OnRetire() = 0;

  // For a worker that has no room for others (worker/process/crowding.h). How long this client has kept its
  // place without moving on; 0: it is being served, or moves on well.
  [[nodiscard]] virtual Duration Lag(Time now) const {
    (void)now;
    return Duration(0);
  }
  // Its Lag() was among the largest, and others wait: say so to the client, if that can be done at once, and
  // close.
  virtual void OnCrowded() {}

  // Why this connection cannot go to another worker at this moment ("a response is being sent"); nullptr when
  // it can. Static storage.
  [[nodiscard]] virtual const char* TravelRefusal() const { return "sessions of this service do not travel"; }
  // Packs a copy for the journey. Called only directly after TravelRefusal() said nullptr. Nothing of the
  // session changes by it, for it need not go: luggage above kMaxLuggageBytes stays where it is, with a
  // warning in the log, and the session lives on as if TravelRefusal() had given a reason; in a worker that
  // leaves, until drain_timeout. One that goes is destroyed next, without a further call.
  [[nodiscard]] virtual Luggage Pack() const { return {}; }
};

class Service {
 public:
  virtual ~Service() = default;
  // A session for `connection`, which outlives it. `luggage` is empty for a fresh connection; a session that
  // arrives starts by using luggage.unread before it reads the socket.
  virtual std::unique_ptr<Session> Open(Connection& connection, Luggage luggage) = 0;
};

// Makes a service in a worker, once, before the worker says that it is ready. Runs as the worker's user. An
// error ends the worker with the reason in the log, and counts as a failed start.
using ServiceFactory =
    std::function<Result<std::unique_ptr<Service>>(const ServiceConfig& config, WorkerEnv& env)>;

struct ServiceType {
  ServiceFactory factory;
  // The client speaks first: the listener may wait for its first bytes (TCP_DEFER_ACCEPT).
  bool client_speaks_first = false;
  // What its sessions do beside serving the connections that they are given, and reading files: other system
  // calls are refused, and the log says which (common/process/call_table.h). The factory runs before that,
  // and may do more. [service.NAME] can add to it with system_calls = "...".
  CallSets system_calls{};
  // Its keys in [service.NAME], besides those that every service has. The configuration is checked against
  // them, prints and documents them; ServiceConfig::settings has the values.
  std::vector<Setting> settings{};
};

// The types that a program has, by the name that `type = "..."` uses.
using ServiceTypes = std::map<std::string, ServiceType>;

// What the master is told about them.
inline std::vector<ServiceDeclaration> Declarations(const ServiceTypes& types) {
  std::vector<ServiceDeclaration> declarations;
  for (const auto& [name, type] : types)
    declarations.push_back({name, type.settings, type.client_speaks_first});
  return declarations;
}

}  // namespace preforkd

#endif
