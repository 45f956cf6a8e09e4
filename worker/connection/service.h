// The public interface of services: implement it to add a protocol.
//
// Each worker process creates one Service per configured service. The Service opens a Session for each
// connection that the worker takes. A session lives in one process with one thread: every method is called
// from the event loop, must not block, and may call the Connection given to Open. The session does not own
// its connection: the worker destroys the session when the connection is closed or handed back. If a method
// throws, its connection is closed, logged and counted as lost; the worker and its other connections go on.
// For timers and watches owned by the session, the same holds inside Connection::Call.
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

// Maximum size in bytes of Luggage::unread and Luggage::context together. With Luggage::wake, `unread` alone
// may have kMaxHeavyBytes (parcel.h): so many are not parked.
inline constexpr std::size_t kMaxLuggageBytes = 48 * 1024;
static_assert(kMaxLuggageBytes == kMaxParcelBytes);

// What travels with a connection, besides the descriptor and the worker's counters.
struct Luggage {
  std::string unread;     // bytes received from the client and not yet used, in order
  std::string context;    // the service's own state; starts with a version byte of the service
  Duration idle_left{0};  // remaining time the connection may stay idle; 0: no limit
  // There is work to do without the client: a whole request in `unread`, or a response half sent. True: a
  // worker gets the connection at once. False: the connection is parked, whatever `unread` holds, until the
  // client sends more, until the client closes (then the master closes too), or until `idle_left` is over. So
  // use false for a partial request, and true for a whole one.
  bool wake = false;
  // `unread` begins with a request that this worker has not begun, because no application thread was free.
  // Only for the reason of the hand-back in the metrics; it does not travel.
  bool unbegun = false;

  [[nodiscard]] bool FitsMessage() const { return unread.size() + context.size() <= kMaxLuggageBytes; }
  [[nodiscard]] bool FitsFile() const {
    return wake && unread.size() <= kMaxHeavyBytes && context.size() <= kMaxLuggageBytes;
  }
};

class Session {
 public:
  virtual ~Session() = default;

  // The socket is ready for what Connection::Await asked for. Also called once directly after Open, with
  // kRead, before the socket is watched: read first, and call Connection::Await only to wait for more. kNone
  // after Connection::WakeSoon.
  virtual void OnReady(Interest ready) = 0;

  // The timeout of Connection::SetTimeout or SetIdleTimeout has expired.
  virtual void OnTimeout() = 0;

  // The worker is retiring, and this connection cannot travel now: TravelRefusal() gave a reason, the luggage
  // is too large, or the whole server is stopping and work is left (Luggage::wake, or the client has just
  // sent data). Finish the current work, then call Connection::Travel or Close. After drain_timeout the
  // worker ends the connection.
  virtual void OnRetire() = 0;

  // For a worker without room for more connections (worker/process/crowding.h). Returns for how long this
  // client has held its place without progress; 0: it is being served, or makes progress.
  [[nodiscard]] virtual Duration Lag(Time now) const {
    (void)now;
    return Duration(0);
  }
  // This session's Lag() was among the largest, and other connections wait: tell the client, if that is
  // possible at once, and close.
  virtual void OnCrowded() {}

  // Why this connection cannot travel to another worker now ("a response is being sent"); nullptr: it can.
  // The string must be static.
  [[nodiscard]] virtual const char* TravelRefusal() const { return "sessions of this service do not travel"; }
  // Packs a copy of the session's state for the journey. Called only directly after TravelRefusal() returned
  // nullptr. It must not change the session, because the connection may still stay: luggage that is too large
  // is refused with a warning in the log, and the session goes on as if TravelRefusal() had
  // given a reason; in a retiring worker, until drain_timeout. If the connection leaves, the session is
  // destroyed without a further call.
  [[nodiscard]] virtual Luggage Pack() const { return {}; }
};

class Service {
 public:
  virtual ~Service() = default;
  // Returns a session for `connection`, which outlives it. Must not return nullptr. For a new connection
  // `luggage` is empty. For one that travelled, it is what Pack returned: use luggage.unread before reading
  // the socket.
  virtual std::unique_ptr<Session> Open(Connection& connection, Luggage luggage) = 0;

  // What a client is told whose connection is refused before any of its bytes is used, because its address
  // has too many or makes them too fast; empty: nothing.
  [[nodiscard]] virtual std::string TooMany(Duration retry_after) const {
    (void)retry_after;
    return {};
  }

  // The worker takes no more clients, and leaves when those it has are done. Called at most once.
  virtual void OnRetire() {}
  // The worker exits in order: nothing is called after this. False: a thread of the service still runs and
  // uses it, so it must not be destroyed.
  virtual bool OnExit() { return true; }
};

// Creates a service, once per worker, before the worker reports ready. Runs in the worker process as the
// worker's user. An error or an exception ends the worker, is logged, and counts as a failed start. `config`
// and `env` outlive the service.
using ServiceFactory =
    std::function<Result<std::unique_ptr<Service>>(const ServiceConfig& config, WorkerEnv& env)>;

struct ServiceType {
  ServiceFactory factory;
  // The client sends first, so the listener may wait for its first bytes (TCP_DEFER_ACCEPT).
  bool client_speaks_first = false;
  // System-call sets that the sessions need beyond serving their connections and reading files
  // (common/process/call_table.h). Any other call is refused and logged. The factory runs before the filter
  // is installed. [service.NAME] can add sets with system_calls = "...".
  CallSets system_calls{};
  // The service's own keys in [service.NAME]. The configuration is checked against them, and they are printed
  // and documented with the common keys. ServiceConfig::settings holds the values.
  std::vector<Setting> settings{};
  // Lists of tables in that section, [[service.NAME.host]]. ServiceConfig::tables holds what was written.
  std::vector<TableDeclaration> tables{};
  // Whether the settings and the tables fit each other.
  SettingsCheck check = nullptr;
};

// The service types of a program, by the name used in `type = "..."`.
using ServiceTypes = std::map<std::string, ServiceType>;

// What the master needs to know about the types.
inline std::vector<ServiceDeclaration> Declarations(const ServiceTypes& types) {
  std::vector<ServiceDeclaration> declarations;
  for (const auto& [name, type] : types)
    declarations.push_back({name, type.settings, type.client_speaks_first, type.tables, type.check});
  return declarations;
}

}  // namespace preforkd

#endif
