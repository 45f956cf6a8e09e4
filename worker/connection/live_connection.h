// LiveConnection: one connection in this worker and the session that serves it. Owned by the ConnectionTable.
//
// Runs every callback of the session, guarded: the scoreboard has its time and its client, and what it throws
// costs this connection only. Then it carries out what the session has decided (SessionVerdict); where
// another session is on the stack the loop does that later (DueConnections). It never decides itself when to
// close or to travel.
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
  // What the worker does when a connection has ended; `connection` is destroyed inside.
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void OnConnectionClosed(LiveConnection& connection) = 0;
    // It may go to the master now, if the worker wants that; `connection` may be destroyed inside.
    virtual void OnConnectionIdle(LiveConnection& connection) = 0;
  };

  LiveConnection(WorkerEnv& env, Owner& owner, Parcel parcel);
  LiveConnection(const LiveConnection&) = delete;
  LiveConnection& operator=(const LiveConnection&) = delete;
  ~LiveConnection();

  // Opens the session and lets it read first.
  void Start(Service& service, Luggage luggage);
  void Retire();
  // Its place is needed: ends it, if its session agrees.
  void GiveWay();
  // Session::Lag, guarded like every callback; 0 when it throws, which ends the connection a moment later.
  [[nodiscard]] Duration Lag(Time now);
  // What is to travel with it. nullopt: it stays. Either its session refuses, or what it packs is too heavy,
  // which is logged and not tried again until bytes have moved or the session asks (Travel); or the session
  // threw, which ends the connection a moment later. The session is as it was.
  [[nodiscard]] std::optional<Luggage> Pack();
  // Does what was asked for outside a callback of its own. It may be destroyed when this returns.
  void ApplyVerdict();
  // Ends it at once, because of us. Not inside a callback of a session.
  void End(LossReason reason);
  // Set when it ended because of us.
  [[nodiscard]] std::optional<LossReason> Loss() { return connection_.Verdict().loss; }
  // One line, at level debug: how it went, and why it has ended.
  void LogEnd();

  // As its session sees it.
  [[nodiscard]] Connection& Client() { return connection_; }
  [[nodiscard]] const Session& GetSession() const { return *session_; }
  // Its place in the ConnectionTable.
  void SetTableIndex(std::size_t index) { table_index_ = static_cast<std::uint32_t>(index); }
  [[nodiscard]] std::size_t TableIndex() const { return table_index_; }

 private:
  void OnReady(Interest ready) override;
  void OnTimeout() override;
  void OnIdle() override;
  void Call(const std::function<void()>& callback) override;
  // For what was asked for while no callback of this session runs, as far as we know.
  void DecideLater() override;

  void Open(Service& service, Luggage luggage);
  // The one way into a session: stamps the scoreboard, catches what it throws. Ends nothing.
  template <typename Callback>
  void Guard(Callback callback);
  // Runs one callback of the session guarded, and when it has closed the connection, ends it. The connection
  // may be gone when this returns.
  template <typename Callback>
  void Run(Callback callback);
  void LoseToException(std::string_view what);
  [[nodiscard]] bool Closing() const { return connection_.Closing(); }

  Owner& owner_;
  Connection connection_;
  std::unique_ptr<Session> session_;
  std::uint32_t table_index_ = 0;
  bool in_callback_ = false;
  bool due_ = false;  // the worker's DueConnections have it
};

}  // namespace preforkd

#endif
