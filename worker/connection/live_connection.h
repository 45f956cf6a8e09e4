// LiveConnection: one connection in this worker and the session that serves it. Owned by the ConnectionTable.
//
// Runs every callback of the session with a guard: the scoreboard records its time and client, and an
// exception ends only this connection. Then it applies the session's decision (SessionVerdict). If another
// session is on the stack, the loop applies it later (DueConnections). It never decides by itself to close or
// to travel.
#ifndef PREFORKD_WORKER_CONNECTION_LIVE_CONNECTION_H_
#define PREFORKD_WORKER_CONNECTION_LIVE_CONNECTION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "common/structures/recycled.h"
#include "worker/connection/connection.h"

namespace preforkd {

class Session;

class LiveConnection final : private Connection::Host, public Recycled<LiveConnection> {
 public:
  // What the worker does when a connection ends.
  class Owner {
   public:
    virtual ~Owner() = default;
    // Destroys `connection`.
    virtual void OnConnectionClosed(LiveConnection& connection) = 0;
    // The connection can be handed back now, if the worker wants that. May destroy `connection`.
    virtual void OnConnectionIdle(LiveConnection& connection) = 0;
  };

  LiveConnection(WorkerEnv& env, Owner& owner, Parcel parcel);
  LiveConnection(const LiveConnection&) = delete;
  LiveConnection& operator=(const LiveConnection&) = delete;
  ~LiveConnection();

  // Opens the session and lets it read at once.
  void Start(Service& service, Luggage luggage);
  void Retire();
  // Its place is needed for another connection: ends it, if its session agrees (Session::OnCrowded).
  void GiveWay();
  // Session::Lag, guarded like every callback; 0 if it throws, which ends the connection soon after.
  [[nodiscard]] Duration Lag(Time now);
  // Returns the luggage to travel with the connection. nullopt: it stays, because its session refuses, or
  // because the luggage is too large. The latter is logged, and not tried again until bytes have moved or the
  // session calls Travel. nullopt also if the session throws, which ends the connection soon after. Does not
  // change the session.
  [[nodiscard]] std::optional<Luggage> Pack();
  // The connection stays, because its luggage is too large, or cannot be stored.
  void LogStays(const Luggage& luggage, std::string_view why);
  // Applies a decision made outside its own callbacks, and wakes the session if it asked for that. May
  // destroy this.
  void ApplyVerdict();
  // Ends the connection at once and counts it as lost. Not to be called inside a callback of a session.
  void End(LossReason reason);
  // Set if the connection ended through a fault of this server.
  [[nodiscard]] std::optional<LossReason> Loss() { return connection_.Verdict().loss; }
  // Logs one line at level debug: totals, and why the connection ended.
  void LogEnd();

  // The connection, as its session sees it.
  [[nodiscard]] Connection& Client() { return connection_; }
  [[nodiscard]] const Session& GetSession() const { return *session_; }
  // Its index in the ConnectionTable.
  void SetTableIndex(std::size_t index) { table_index_ = static_cast<std::uint32_t>(index); }
  [[nodiscard]] std::size_t TableIndex() const { return table_index_; }

 private:
  void OnReady(Interest ready) override;
  void OnTimeout() override;
  void OnIdle() override;
  void Call(const std::function<void()>& callback) override;
  // Applies decisions later that are made while no guarded callback of this session runs.
  void DecideLater() override;

  void Open(Service& service, Luggage luggage);
  // The only way into a session: stamps the scoreboard and catches exceptions. Ends nothing.
  template <typename Callback>
  void Guard(Callback callback);
  // Runs one guarded callback of the session and applies its decision. May destroy this.
  template <typename Callback>
  void Run(Callback callback);
  void LoseToException(std::string_view what);
  [[nodiscard]] bool Closing() const { return connection_.Closing(); }

  Owner& owner_;
  Connection connection_;
  std::unique_ptr<Session> session_;
  std::uint32_t table_index_ = 0;
  bool in_callback_ = false;
  bool due_ = false;  // in the worker's DueConnections
};

}  // namespace preforkd

#endif
