#include "worker/services/echo.h"

#include <algorithm>
#include <string>

#include "common/base/log.h"

namespace preforkd {
namespace {

// Maximum reads per callback, so that a client that sends without pause does not delay others.
constexpr int kReadsPerCallback = 16;

// First byte of the context of a travelling session. The rest is owed to the client.
constexpr char kContextVersion = 1;

// Replaces an expired time, because 0 would mean no limit.
constexpr Duration kSoon = std::chrono::milliseconds(1);

constexpr Duration kNever = std::chrono::hours(24 * 365);

class EchoSession : public Session {
 public:
  EchoSession(Connection& connection, Duration idle_timeout, Luggage luggage)
      : connection_(connection), idle_timeout_(idle_timeout) {
    Unpack(luggage);
  }

  void OnReady(Interest ready) override {
    if (!FlushOwed()) return;
    if (Has(ready, Interest::kRead)) Echo();
    if (!connection_.Closing()) WaitForMore();
  }

  void OnTimeout() override {
    if (const auto held_back = connection_.Env().client_lines.idle.Allow(Now())) {
      log::Info({log::kConnFailed, connection_.Id(), {{"cause", "idle"}, {"suppressed", *held_back}}},
                "closing: idle timeout");
    }
    connection_.Close();
  }

  // It could not travel at once; it travels when less is owed. Without a master it stays until the client
  // closes, or until drain_timeout.
  void OnRetire() override { retiring_ = true; }

  // A client that has sent nothing, or reads nothing of what it is owed.
  [[nodiscard]] Duration Lag(Time now) const override {
    return std::max<Duration>(now - progress_, Duration(0));
  }
  void OnCrowded() override {
    if (owed_.empty() && connection_.HasInput()) return;  // it has just sent something
    connection_.Close("too slow while places were short");
  }

  [[nodiscard]] const char* TravelRefusal() const override {
    return owed_.size() > kMaxLuggageBytes / 2 ? "too much unsent data is owed to the client" : nullptr;
  }

  [[nodiscard]] Luggage Pack() const override {
    Luggage luggage;
    luggage.context = kContextVersion + owed_;
    luggage.wake = !owed_.empty();
    if (idle_timeout_ > Duration(0)) luggage.idle_left = std::max<Duration>(idle_until_ - Now(), kSoon);
    return luggage;
  }

 private:
  void Unpack(Luggage& luggage) {
    if (luggage.context.starts_with(kContextVersion)) owed_ = luggage.context.substr(1);
    owed_ += luggage.unread;
  }

  // Sends what is owed. False if some of it must wait, or the connection has ended.
  bool FlushOwed() {
    while (!owed_.empty()) {
      const IoResult sent = connection_.Send(owed_);
      if (sent.Done()) {
        progress_ = Now();
        owed_.erase(0, sent.size);
      } else if (sent.kind == IoResult::Kind::kAgain) {
        WaitForRoom();
        return false;
      } else {
        connection_.Close();
        return false;
      }
    }
    owed_.shrink_to_fit();
    return true;
  }

  void Echo() {
    for (int i = 0; i < kReadsPerCallback; ++i) {
      const std::span<char> scratch(connection_.Env().in);
      const IoResult received = connection_.Receive(scratch);
      switch (received.kind) {
        case IoResult::Kind::kAgain: return;
        case IoResult::Kind::kEnd:
        case IoResult::Kind::kError: return connection_.Close();
        case IoResult::Kind::kDone: break;
      }
      progress_ = Now();
      connection_.CountRequest();
      if (!SendBack({scratch.data(), received.size})) return;
    }
  }

  // Sends `bytes` back. False if not all could be sent now: the rest is owed.
  bool SendBack(std::string_view bytes) {
    while (!bytes.empty()) {
      const IoResult sent = connection_.Send(bytes);
      if (sent.Done()) {
        bytes.remove_prefix(sent.size);
      } else if (sent.kind == IoResult::Kind::kAgain) {
        owed_ = bytes;
        return false;
      } else {
        connection_.Close();
        return false;
      }
    }
    return true;
  }

  void WaitForMore() {
    if (!owed_.empty()) return WaitForRoom();
    if (retiring_) connection_.Travel();
    idle_until_ = Now() + idle_timeout_;
    connection_.Await(Interest::kRead);
    connection_.SetIdleTimeout(idle_timeout_ > Duration(0) ? idle_timeout_ : kNever);
  }

  void WaitForRoom() {
    connection_.Await(Interest::kWrite);
    if (idle_timeout_ > Duration(0)) connection_.SetTimeout(idle_timeout_);
  }

  Connection& connection_;
  Duration idle_timeout_;
  Time idle_until_{};  // the idle deadline, while nothing is owed
  std::string owed_;
  Time progress_ = Now();
  bool retiring_ = false;
};

class EchoService : public Service {
 public:
  explicit EchoService(Duration idle_timeout) : idle_timeout_(idle_timeout) {}

  std::unique_ptr<Session> Open(Connection& connection, Luggage luggage) override {
    connection.Doing("echo");
    return std::make_unique<EchoSession>(connection, idle_timeout_, std::move(luggage));
  }

 private:
  Duration idle_timeout_;
};

}  // namespace

ServiceType EchoServiceType() {
  return {
      [](const ServiceConfig& config, WorkerEnv&) -> Result<std::unique_ptr<Service>> {
        return std::unique_ptr<Service>(std::make_unique<EchoService>(config.settings.Time("idle_timeout")));
      },
      /*client_speaks_first=*/false,
      CallSets{},
      {{.name = "idle_timeout",
        .kind = SettingKind::kDuration,
        .min = "0",
        .max = "24h",
        .fallback = "10m",
        .doc = "until a silent client is closed; 0: never"}}};
}

}  // namespace preforkd
