// SessionBed: connections of services in one process, TLS included, with the client's ends of the sockets
// owned by the test. What leaves is kept as its parcel, and may be taken again, as by another process.
#ifndef PREFORKD_TESTS_LOOPBACK_GATE_SESSION_BED_H_
#define PREFORKD_TESTS_LOOPBACK_GATE_SESSION_BED_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/loopback/gate/tls_client.h"
#include "worker/connection/live_connection.h"
#include "worker/connection/service.h"

namespace preforkd::testing {

// The server's end of a new connection is in `parcel`, the client's end is returned.
UniqueFd ConnectUnix(Parcel& parcel);
UniqueFd ConnectTcp(Parcel& parcel);

class SessionBed final : LiveConnection::Owner {
 public:
  SessionBed();
  ~SessionBed() override;

  // As a worker: goes on with the TLS session that is in the parcel, if there is one. The session reads at
  // once.
  void Take(Service& service, Parcel parcel, Luggage luggage = {});
  // Runs ready events until none is left.
  void Turn();
  // Turns, and waits, until `condition` holds; false when it does not within 20 s.
  [[nodiscard]] bool Until(const std::function<bool()>& condition);
  // Every connection that can leaves.
  void SendAway();

  struct Journey {
    Parcel parcel;
    Luggage luggage;
  };
  // The one that left last. Fails the test if there is none.
  Journey LastJourney();
  [[nodiscard]] std::size_t Journeys() const { return journeys_.size(); }
  [[nodiscard]] std::size_t Live() const { return live_.size(); }
  [[nodiscard]] LiveConnection& Last() { return *live_.back(); }
  [[nodiscard]] WorkerEnv& Env() { return *env_; }
  // Of the connection that closed last.
  [[nodiscard]] std::optional<LossReason> Loss() const { return loss_; }
  [[nodiscard]] const std::string& Why() const { return why_; }

 private:
  void OnConnectionClosed(LiveConnection& connection) override;
  void OnConnectionIdle(LiveConnection& connection) override;
  [[nodiscard]] std::uint64_t Activity() const;

  EventLoop loop_;
  Scoreboard scoreboard_;
  std::unique_ptr<WorkerEnv> env_;
  std::vector<std::unique_ptr<LiveConnection>> live_;
  std::vector<Journey> journeys_;
  std::optional<LossReason> loss_;
  std::string why_;
};

// A client's socket, and what it does there.
class SocketClient {
 public:
  explicit SocketClient(UniqueFd fd, std::unique_ptr<TlsClient> tls = nullptr)
      : fd_(std::move(fd)), tls_(std::move(tls)) {}

  // Moves what can be moved now, both ways, and makes the handshake if it is not over. False: the server has
  // closed.
  bool Pump();
  // Bytes that go past the library, and all that came so.
  void SendRaw(std::string_view bytes);
  std::string ReadRaw();

  [[nodiscard]] TlsClient& Tls() { return *tls_; }
  [[nodiscard]] std::unique_ptr<TlsClient> TakeTls() { return std::move(tls_); }
  [[nodiscard]] bool Done() const { return done_; }      // the handshake
  [[nodiscard]] bool Failed() const { return failed_; }  // the handshake
  [[nodiscard]] bool Ended() const { return ended_; }
  [[nodiscard]] bool WasReset() const { return reset_; }
  [[nodiscard]] int Fd() const { return fd_.Get(); }
  void Close() { fd_.Reset(); }

 private:
  void Flush();
  std::string Receive();

  UniqueFd fd_;
  std::unique_ptr<TlsClient> tls_;
  std::string unsent_;
  bool done_ = false;
  bool failed_ = false;
  bool ended_ = false;
  bool reset_ = false;
};

}  // namespace preforkd::testing

#endif
