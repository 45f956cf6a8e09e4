// ProtocolSession: one client of a module's own protocol. It reads and sends for the session of the module,
// and calls it (pfd_protocol in worker/api/module.h, which says when). pfd_connection is the module's name
// for it.
//
// - Bytes that the module does not use stay here, at most kMaxUnused, and are offered again: with more, and
// when
//   output that waited has been sent.
// - While output waits, nothing is read and nothing is offered.
// - The module may call from a callback of this session, or from one of its own: a timer, another session.
// Then the
//   session settles at once, and the connection's decisions take effect later in this turn of the loop.
// - close() of the module is called once for each open() that returned a session, by the destructor.
#ifndef PREFORKD_WORKER_MODULE_PROTOCOL_PROTOCOL_SESSION_H_
#define PREFORKD_WORKER_MODULE_PROTOCOL_PROTOCOL_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "worker/api/module.h"
#include "worker/connection/service.h"
#include "worker/http/answer/lingering_close.h"
#include "worker/module/protocol/protocol_service.h"
#include "worker/module/protocol/session_times.h"
#include "worker/module/protocol/unsent_bytes.h"

namespace preforkd::module {
class ProtocolSession;
}

// At global scope, because module.h names it. A part of its session.
struct pfd_connection {
  preforkd::module::ProtocolSession& session;
  mutable std::string fingerprint{};  // of the client's certificate, once it was asked for
};

namespace preforkd::module {

// Of bytes that a module leaves unused. What is unused travels with the connection.
inline constexpr std::size_t kMaxUnused = kMaxLuggageBytes;

class ProtocolSession final : public Session {
 public:
  // `unread`: received in another worker and not used there. `shared` must outlive the session.
  ProtocolSession(Connection& connection, const ProtocolShared& shared, std::string unread);
  ProtocolSession(const ProtocolSession&) = delete;
  ProtocolSession& operator=(const ProtocolSession&) = delete;
  ~ProtocolSession() override;

  // Calls open() of the module; once, directly after the constructor. `context`: empty for a new client.
  void Open(std::string_view context);

  void OnReady(Interest ready) override;
  void OnTimeout() override;
  void OnRetire() override;
  [[nodiscard]] Duration Lag(Time now) const override;
  void OnCrowded() override;
  // Calls pack() of the module: only that knows.
  [[nodiscard]] const char* TravelRefusal() const override;
  [[nodiscard]] Luggage Pack() const override;

  // ---- for host_connection.h: what the module calls ----

  [[nodiscard]] pfd_service& State() const { return shared_.service; }
  [[nodiscard]] Connection& Client() const { return connection_; }
  // Its address. Valid as long as this.
  [[nodiscard]] std::string_view ClientText() const;
  std::int64_t Send(std::string_view bytes);
  void Finish();
  void SetIdle(Duration idle);
  void SetDeadline(Duration delay);

 private:
  // Runs `callback`, which calls the module, and then does what follows from it.
  template <typename Callback>
  void Enter(Callback callback);
  // After any change: closes, waits for the right readiness, sets the timer, tries to travel if the worker
  // leaves.
  void Settle();
  // The module has changed something: settles, unless Enter will.
  void Changed() {
    if (!inside_) Settle();
  }
  // The module may still use the connection.
  [[nodiscard]] bool Usable() const { return !over_ && !finishing_ && !connection_.Closing(); }
  [[nodiscard]] bool Reading() const { return Usable() && !ended_ && !unsent_.Waiting(); }

  void Serve();
  // Sends what waits. False if some of it goes on waiting, or the connection has failed.
  bool Flush();
  void Read();
  void OfferUnused();
  // Offers all unused bytes, `received` at their end.
  void Offer(std::string_view received);
  void StartClosing();
  void SetTimer();
  // What is known without asking the module.
  [[nodiscard]] const char* Obstacle() const;

  pfd_connection handle_{*this};
  Connection& connection_;
  const ProtocolShared& shared_;
  void* session_ = nullptr;  // the module's; nullptr before open() and if that refused the client
  std::string unused_;
  UnsentBytes unsent_;
  SessionTimes times_;
  std::optional<http::LingeringClose> linger_;
  mutable std::optional<Luggage> packed_;  // from TravelRefusal to Pack
  mutable std::string client_;             // ClientText, once it was asked for
  bool inside_ = false;                    // Enter will settle
  bool begun_ = false;                     // what came with the connection has been offered
  bool sent_ = false;                      // the module has sent something
  bool ended_ = false;                     // the client has shut down its sending side
  bool finishing_ = false;                 // the connection ends when everything has been sent
  bool retiring_ = false;
  bool over_ = false;  // the destructor has begun
};

}  // namespace preforkd::module

#endif
