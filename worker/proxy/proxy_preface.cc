#include "worker/proxy/proxy_preface.h"

#include <string>

#include "common/base/log.h"
#include "worker/proxy/proxy_header.h"

namespace preforkd {
namespace {

// A proxy sends the header with its first packet.
constexpr Duration kTimeout = std::chrono::seconds(10);
// The longest that a client who is refused may take to read why.
constexpr Duration kGoodbyeTime = std::chrono::seconds(1);

constexpr const char* kBounded = "its address has met a bound";

class PrefaceSession : public Session {
 public:
  PrefaceSession(Connection& connection, Service& next) : connection_(connection), next_(next) {
    connection_.SetTimeout(kTimeout);
  }

  void OnReady(Interest) override {
    const std::span<char> scratch(connection_.Env().in);
    const IoResult received = connection_.Receive(scratch);
    switch (received.kind) {
      case IoResult::Kind::kAgain: return connection_.Await(Interest::kRead);
      case IoResult::Kind::kEnd:
      case IoResult::Kind::kError: return connection_.Close();  // for example a port scan
      case IoResult::Kind::kDone: break;
    }
    if (refused_) return connection_.Await(Interest::kRead);
    received_.append(scratch.data(), received.size);
    Judge(ParseProxyHeader(received_));
  }

  void OnTimeout() override {
    if (refused_) return connection_.Close(kBounded);
    if (const auto held_back = connection_.Env().client_lines.no_preface.Allow(Now())) {
      const std::string peer = connection_.Peer().Text();
      log::Info({log::kProxyHeader,
                 connection_.Id(),
                 {{"peer", peer}, {"error", "timeout"}, {"suppressed", *held_back}}},
                "closing: no PROXY protocol header from {} within {:.0f} s", peer, Seconds(kTimeout));
    }
    connection_.Close();
  }

  [[nodiscard]] Duration Lag(Time now) const override { return now - start_; }
  void OnCrowded() override { connection_.Close("no PROXY protocol header while places were short"); }

  // The header arrives at once or never: travelling is not worthwhile.
  [[nodiscard]] const char* TravelRefusal() const override {
    return "its PROXY protocol header is not complete";
  }
  void OnRetire() override {}

 private:
  void LogClient(const SocketAddress& address) {
    const std::string client = address.Text();
    const std::string peer = connection_.Peer().Text();
    log::Debug({log::kProxyHeader, connection_.Id(), {{"client", client}, {"peer", peer}}},
               "client {} connected through {}", client, peer);
  }

  void Refuse(const char* error) {
    if (const auto held_back = connection_.Env().client_lines.bad_preface.Allow(Now())) {
      const std::string peer = connection_.Peer().Text();
      log::Warning({log::kProxyHeader,
                    connection_.Id(),
                    {{"peer", peer}, {"error", error}, {"suppressed", *held_back}}},
                   "closing: invalid PROXY protocol header from {}: {}", peer, error);
    }
    connection_.Close();
  }

  // The bounds of the client itself: the master has seen its proxy only. If it is refused, it is told.
  bool MayServe(const SocketAddress& client) {
    WorkerEnv& env = connection_.Env();
    const bool handshake = connection_.Facts().tls == TlsStage::kHandshakeDue;
    const auto refusal = env.clients.Connects(connection_.Id(), client, handshake, Now());
    if (env.clients.MasterShouldHear() && env.master.read_notes) env.master.read_notes();
    if (!refusal) return true;
    refusal->Log(connection_.Id());
    const std::string answer = next_.TooMany(refusal->retry_after);
    if (answer.empty() || !connection_.Send(answer).Done()) {
      connection_.Close(kBounded);
      return false;
    }
    refused_ = true;
    connection_.HalfClose();
    connection_.SetTimeout(kGoodbyeTime);
    connection_.Await(Interest::kRead);
    return false;
  }

  void Judge(const ProxyHeader& header) {
    switch (header.kind) {
      case ProxyHeader::Kind::kNeedMore: return connection_.Await(Interest::kRead);
      case ProxyHeader::Kind::kBroken: return Refuse(header.error);
      case ProxyHeader::Kind::kComplete: break;
    }
    if (header.client) {
      if (log::Enabled(log::Level::kDebug)) LogClient(*header.client);
      connection_.SetClient(*header.client);
      if (!MayServe(*header.client)) return;
    }
    connection_.CancelTimeout();
    Luggage luggage;
    luggage.unread = received_.substr(header.size);
    connection_.SwitchService(next_, std::move(luggage));
  }

  Connection& connection_;
  Service& next_;
  Time start_ = Now();
  std::string received_;
  bool refused_ = false;  // its client has met a bound, and has been told
};

}  // namespace

std::unique_ptr<Session> ProxyPreface::Open(Connection& connection, Luggage) {
  return std::make_unique<PrefaceSession>(connection, next_);
}

}  // namespace preforkd
