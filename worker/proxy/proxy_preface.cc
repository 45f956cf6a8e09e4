#include "worker/proxy/proxy_preface.h"

#include <string>

#include "common/base/log.h"
#include "worker/proxy/proxy_header.h"

namespace preforkd {
namespace {

// A proxy sends the header with its first packet.
constexpr Duration kTimeout = std::chrono::seconds(10);

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
    received_.append(scratch.data(), received.size);
    Judge(ParseProxyHeader(received_));
  }

  void OnTimeout() override {
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

  void Judge(const ProxyHeader& header) {
    switch (header.kind) {
      case ProxyHeader::Kind::kNeedMore: return connection_.Await(Interest::kRead);
      case ProxyHeader::Kind::kBroken: return Refuse(header.error);
      case ProxyHeader::Kind::kComplete: break;
    }
    if (header.client) {
      if (log::Enabled(log::Level::kDebug)) LogClient(*header.client);
      connection_.SetClient(*header.client);
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
};

}  // namespace

std::unique_ptr<Session> ProxyPreface::Open(Connection& connection, Luggage) {
  return std::make_unique<PrefaceSession>(connection, next_);
}

}  // namespace preforkd
