#include "worker/proxy/proxy_preface.h"

#include <string>

#include "common/base/log.h"
#include "worker/proxy/proxy_header.h"

namespace preforkd {
namespace {

// A proxy sends its header with the first packet.
constexpr Duration kPatience = std::chrono::seconds(10);

class PrefaceSession : public Session {
 public:
  PrefaceSession(Connection& connection, Service& next) : connection_(connection), next_(next) {
    connection_.SetTimeout(kPatience);
  }

  void OnReady(Interest) override {
    const std::span<char> scratch(connection_.Env().in);
    const IoResult received = connection_.Receive(scratch);
    switch (received.kind) {
      case IoResult::Kind::kAgain: return connection_.Await(Interest::kRead);
      case IoResult::Kind::kEnd:
      case IoResult::Kind::kError: return connection_.Close();  // a port that is probed, for example
      case IoResult::Kind::kDone: break;
    }
    received_.append(scratch.data(), received.size);
    Judge(ParseProxyHeader(received_));
  }

  void OnTimeout() override {
    if (const auto held_back = connection_.Env().client_lines.no_preface.Allow(Now())) {
      log::Info(connection_.Id(),
                "closing: no PROXY protocol header from {} within {:.0f} s ({} more such lines held back)",
                connection_.Peer().Text(), Seconds(kPatience), *held_back);
    }
    connection_.Close();
  }

  [[nodiscard]] Duration Lag(Time now) const override { return now - start_; }
  void OnCrowded() override { connection_.Close("no PROXY protocol header, and its place was needed"); }

  // It comes at once or never: not worth a journey.
  [[nodiscard]] const char* TravelRefusal() const override {
    return "its PROXY protocol header is not complete";
  }
  void OnRetire() override {}

 private:
  void Refuse(const char* error) {
    if (const auto held_back = connection_.Env().client_lines.bad_preface.Allow(Now())) {
      log::Warning(connection_.Id(),
                   "closing: PROXY protocol header of {}: {} ({} more such lines held back)",
                   connection_.Peer().Text(), error, *held_back);
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
      log::Debug(connection_.Id(), "from {} by way of {}", header.client->Text(), connection_.Peer().Text());
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
