#include "worker/gate/gate_service.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/log.h"
#include "worker/gate/wiping_memory.h"

// libgnutls is loaded into every process of this program, and used by gates only: they initialise it.
extern "C" {
GNUTLS_SKIP_GLOBAL_INIT
}

namespace preforkd {
namespace {

// Bytes read at once. Those behind the handshake travel, and must fit beside the keys (kMaxTlsBytes).
constexpr std::size_t kReadAtOnce = 8 * 1024;
static_assert(kReadAtOnce + 2048 < kMaxTlsBytes);
// The longest that a client may take to read the end of a failed handshake, and that a session waits to
// leave.
constexpr Duration kGoodbyeTime = std::chrono::seconds(1);
// Reads in a row of what nobody wants any more.
constexpr int kReadsInARow = 4;

constexpr char kHandshakeRecord = 22;  // RFC 8446, 5.1

constexpr std::string_view kPlainAnswer =
    "HTTP/1.1 400 Bad Request\r\n"
    "Content-Type: text/plain\r\n"
    "Content-Length: 56\r\n"
    "Connection: close\r\n"
    "\r\n"
    "This port speaks HTTPS. Use https:// instead of http://\n";

class GateSession final : public Session {
 public:
  GateSession(Connection& connection, const GateSettings& settings, Luggage luggage)
      : connection_(connection), settings_(settings), unread_(std::move(luggage.unread)) {
    connection_.SetTimeout(Left());
  }

  void OnReady(Interest ready) override {
    (void)ready;
    while (stage_ != Stage::kOver) {
      if (!SendOutput()) return connection_.Await(Interest::kWrite);
      switch (stage_) {
        case Stage::kDone: return Leave();
        case Stage::kFailed: return Linger();
        case Stage::kOver: return;
        case Stage::kHello:
        case Stage::kHandshake:
          if (!Read()) return;
      }
    }
  }
  void OnTimeout() override {
    if (stage_ != Stage::kFailed && stage_ != Stage::kOver) LogFailure("timeout");
    if (leaves_) return End("no worker is left to go on with its TLS session");
    End(stage_ == Stage::kFailed ? why_ : "the TLS handshake took too long");
  }
  // It goes on: the handshake is short, and has a deadline.
  void OnRetire() override {}

  [[nodiscard]] Duration Lag(Time now) const override { return now - connection_.Facts().accepted_at; }
  void OnCrowded() override {
    if (stage_ != Stage::kFailed && stage_ != Stage::kOver) Count(HandshakeEnd::kCrowded);
    End("the gate is full");
  }

  [[nodiscard]] const char* TravelRefusal() const override {
    return stage_ == Stage::kHello || leaves_ ? nullptr : "a TLS handshake is under way";
  }
  // `unread`: bytes from before the handshake, which waits elsewhere no longer than here.
  [[nodiscard]] Luggage Pack() const override {
    Luggage luggage;
    luggage.unread = unread_;
    luggage.wake = leaves_;
    if (!leaves_) luggage.idle_left = Left();
    return luggage;
  }

 private:
  enum class Stage {
    kHello,      // no byte has been used
    kHandshake,  // under way
    kDone,       // its last bytes are being sent
    kFailed,     // likewise; then it waits for the client to read them
    kOver,       // closed, or about to travel
  };

  // Until the deadline, which runs from the accept, wherever the connection has waited since.
  [[nodiscard]] Duration Left() const {
    const Duration passed = Now() - connection_.Facts().accepted_at;
    return std::max<Duration>(settings_.config.handshake_timeout - passed, std::chrono::milliseconds(1));
  }

  void End(const char* why) {
    stage_ = Stage::kOver;
    connection_.Close(why);
  }

  // False: wait for the client, or it is over.
  bool Read() {
    std::string_view bytes = unread_;
    if (bytes.empty()) {
      const std::span<char> room = std::span(connection_.Env().in).first(kReadAtOnce);
      const IoResult result = connection_.Receive(room);
      if (result.kind == IoResult::Kind::kAgain) {
        connection_.Await(Interest::kRead);
        return false;
      }
      if (!result.Done()) {
        LogFailure("client_left");
        End(result.kind == IoResult::Kind::kEnd ? "the client left in the TLS handshake" : nullptr);
        return false;
      }
      bytes = {room.data(), result.size};
    }
    if (stage_ == Stage::kHello && bytes.front() != kHandshakeRecord) return AnswerPlain(bytes);
    if (handshake_ == nullptr) handshake_ = std::make_unique<Handshake>(settings_);
    stage_ = Stage::kHandshake;
    const Handshake::Step step = handshake_->Feed(bytes);
    unread_.clear();
    output_ = handshake_->Output();
    if (step == Handshake::Step::kDone) stage_ = Stage::kDone;
    if (step == Handshake::Step::kFailed) {
      LogFailure(handshake_->Why(), handshake_->Detail());
      Fail("the TLS handshake failed");
    }
    return true;
  }

  // False: the client must take more first. True also if nobody is there to receive it.
  bool SendOutput() {
    while (!output_.empty()) {
      const IoResult result = connection_.Send(output_);
      if (result.kind == IoResult::Kind::kAgain) return false;
      if (!result.Done()) {
        if (stage_ != Stage::kFailed) Count(HandshakeEnd::kClientLeft);
        output_ = {};
        End(nullptr);
        return true;
      }
      output_.remove_prefix(result.size);
    }
    if (handshake_ != nullptr) handshake_->Sent(handshake_->Output().size());
    return true;
  }

  void Leave() {
    stage_ = Stage::kOver;
    Result<TlsLuggage> session = handshake_->Take();
    handshake_.reset();
    if (session.Ok() && EncodedBytes(session.Value()) > kMaxTlsBytes)
      session = Error{"too many bytes behind the handshake"};
    if (!session.Ok()) {
      Count(HandshakeEnd::kOther);
      log::Error({log::kHandshakeFailed, connection_.Id(), {{"cause", "session"}}}, "TLS handshake: {}",
                 session.Err().text);
      return connection_.Lose(LossReason::kRefused);
    }
    CountDone(session.Value().facts);
    connection_.SetTlsState(EncodeTls(session.Value()));
    leaves_ = true;
    // If it cannot, because the server stops and no worker is left, it ends.
    connection_.SetTimeout(kGoodbyeTime);
    connection_.Travel();
  }

  void Count(HandshakeEnd end) { Add(connection_.Env().row.handshakes.ended[end]); }
  void CountDone(const TlsFacts& facts) {
    Count(facts.version == tls::Version::kTls13 ? HandshakeEnd::kTls13 : HandshakeEnd::kTls12);
    if (facts.resumed) Add(connection_.Env().row.handshakes.resumed);
  }

  void LogFailure(const char* cause, const char* detail = "") {
    Count(HandshakeEndOf(cause));
    log::Debug({log::kHandshakeFailed, connection_.Id(), {{"cause", cause}, {"detail", detail}}},
               "TLS handshake failed: {}{}{}", cause, *detail == '\0' ? "" : ": ", detail);
  }

  // From now on only the output counts.
  void Fail(const char* why) {
    stage_ = Stage::kFailed;
    why_ = why;
    said_something_ = !output_.empty();
    connection_.SetTimeout(kGoodbyeTime);
  }

  // The client may have sent more than was read, or be sending: a close now would be a reset, which overtakes
  // the alert. A client of TLS 1.3 sends its request before it knows that its certificate was refused.
  void Linger() {
    if (!said_something_) return End(why_);
    if (!std::exchange(half_closed_, true)) connection_.HalfClose();
    for (int i = 0; i < kReadsInARow; ++i) {
      const IoResult result = connection_.Receive(connection_.Env().in);
      if (result.kind == IoResult::Kind::kAgain) break;
      if (!result.Done()) return End(why_);
    }
    connection_.Await(Interest::kRead);
  }

  // A plain request deserves an answer that a person can read; anything else does not.
  bool AnswerPlain(std::string_view bytes) {
    LogFailure("not_tls");
    if (bytes.front() >= 'A' && bytes.front() <= 'Z') output_ = kPlainAnswer;
    unread_.clear();
    Fail("not TLS");
    return true;
  }

  Connection& connection_;
  const GateSettings& settings_;
  std::string unread_;
  std::unique_ptr<Handshake> handshake_;
  std::string_view output_;  // of the handshake, or a plain answer
  const char* why_ = "";     // it failed
  Stage stage_ = Stage::kHello;
  bool said_something_ = false;
  bool half_closed_ = false;
  bool leaves_ = false;  // the session is in the parcel
};

}  // namespace

Result<GateInputs> GateInputs::Read(const WorkerStart& start) {
  GateInputs inputs;
  Result<KeyMaterial> material = start.key_files->Read();
  if (!material.Ok()) return material.Err();
  inputs.material = std::move(material).Value();
  if (start.ticket_page < 0) return inputs;
  Result<TicketPage> page = TicketPage::MapForGate(start.ticket_page);
  if (!page.Ok()) return page.Err();
  inputs.tickets.emplace(std::move(page).Value());
  return inputs;
}

Result<std::unique_ptr<Service>> GateService::Make(const TlsConfig& config, GateInputs inputs) {
  WipeWhatGnutlsFrees();
  if (const int result = gnutls_global_init(); result < 0) return GnutlsError("gnutls_global_init", result);
  Result<CertificateStore> store = CertificateStore::Make(config, std::move(inputs.material));
  if (!store.Ok()) return store.Err();
  Result<GateSettings> settings =
      GateSettings::Make(config, std::move(store).Value(), std::move(inputs.tickets));
  if (!settings.Ok()) return settings.Err();
  return std::unique_ptr<Service>(new GateService(std::move(settings).Value()));
}

std::unique_ptr<Session> GateService::Open(Connection& connection, Luggage luggage) {
  return std::make_unique<GateSession>(connection, settings_, std::move(luggage));
}

}  // namespace preforkd
