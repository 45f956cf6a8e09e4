#include "worker/gate/handshake.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <optional>
#include <utility>

#include "common/base/check.h"
#include "worker/gate/handshake_failure.h"

namespace preforkd {
namespace {

// The longest message of a handshake. A chain of client certificates is 4 KiB, seldom 16; GnuTLS itself would
// keep 128 KiB for everybody who announces so much.
constexpr std::size_t kMaxMessage = 48 * 1024;
// All that a client may send until its handshake is over. GnuTLS looks at the length of a message only when
// it has it whole, and counts neither warnings nor records.
constexpr std::size_t kMaxHandshake = 64 * 1024;

Handshake& SelfOf(gnutls_session_t session) {
  return *static_cast<Handshake*>(gnutls_session_get_ptr(session));
}

}  // namespace

Handshake::Handshake(const GateSettings& settings) : settings_(settings) { Start(0); }

void Handshake::Start(unsigned flags) {
  // Tickets of TLS 1.3 are sent by SendTicket, so that the number of records is known to be behind them.
  flags |= GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_AUTO_SEND_TICKET;
  gnutls_session_t session = nullptr;
  if (gnutls_init(&session, flags) < 0) throw std::bad_alloc();
  session_.reset(session);
  SetUp();
}

void Handshake::SetUp() {
  gnutls_session_t session = session_.get();
  gnutls_session_set_ptr(session, this);
  gnutls_transport_set_ptr(session, this);
  gnutls_transport_set_pull_function(session, Pull);
  gnutls_transport_set_push_function(session, Push);
  gnutls_handshake_set_timeout(session, 0);  // the caller has the clock
  gnutls_handshake_set_max_packet_length(session, kMaxMessage);
  gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_CLIENT_HELLO, GNUTLS_HOOK_PRE, OnHello);
  gnutls_handshake_set_post_client_hello_function(session, OnClientHello);
  gnutls_session_set_keylog_function(session, OnSecret);
  PF_CHECK(gnutls_priority_set(session, settings_.priority.get()) >= 0, "a priority that does not fit");
  credentials_ = settings_.store.Default();
  if (gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials_.get()) < 0) throw std::bad_alloc();
  // A client that offers protocols, but not this one, is refused (RFC 7301, 3.2): what it says then must not
  // be taken for HTTP. One that offers none is served.
  constexpr std::string_view kHttp = "http/1.1";
  const gnutls_datum_t protocol = DatumOf(kHttp);
  if (gnutls_alpn_set_protocols(session, &protocol, 1, GNUTLS_ALPN_MANDATORY) < 0) throw std::bad_alloc();
  SetUpClientCertificates();
  SetUpTickets();
}

void Handshake::SetUpClientCertificates() {
  const ClientCertificates wanted = settings_.config.client_certificates;
  if (wanted == ClientCertificates::kOff) return;
  const bool required = wanted == ClientCertificates::kRequired;
  gnutls_certificate_server_set_request(session_.get(), required ? GNUTLS_CERT_REQUIRE : GNUTLS_CERT_REQUEST);
  gnutls_session_set_verify_function(session_.get(), OnClientCertificate);
}

void Handshake::SetUpTickets() {
  const TlsConfig& config = settings_.config;
  // A client that resumes would not be verified.
  if (config.client_certificates != ClientCertificates::kOff) return;
  if (config.ticket_lifetime == Duration(0) || !settings_.tickets) return;
  ticket_key_ = settings_.tickets->Read();
  if (ticket_key_.empty()) return;
  gnutls_db_set_cache_expiration(session_.get(), static_cast<int>(Seconds(config.ticket_lifetime)));
  const gnutls_datum_t key = DatumOf(ticket_key_);
  if (gnutls_session_ticket_enable_server(session_.get(), &key) < 0) throw std::bad_alloc();
}

// ---- exceptions ----

template <typename Call>
auto Handshake::Guarded(Call call, decltype(call()) failure) noexcept {
  try {
    return call();
  } catch (...) {
    thrown_ = std::current_exception();
    return failure;
  }
}

void Handshake::Rethrow() {
  if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
}

// ---- bytes ----

ssize_t Handshake::Pull(gnutls_transport_ptr_t self, void* into, std::size_t size) {
  Handshake& handshake = *static_cast<Handshake*>(self);
  const std::size_t left = handshake.input_.size() - handshake.pulled_;
  if (left == 0) {
    gnutls_transport_set_errno(handshake.session_.get(), EAGAIN);
    return -1;
  }
  size = std::min(size, left);
  std::memcpy(into, handshake.input_.data() + handshake.pulled_, size);
  handshake.pulled_ += size;
  return static_cast<ssize_t>(size);
}

ssize_t Handshake::Push(gnutls_transport_ptr_t self, const void* bytes, std::size_t size) {
  Handshake& handshake = *static_cast<Handshake*>(self);
  const auto append = [&] {
    handshake.output_.append(static_cast<const char*>(bytes), size);
    return static_cast<ssize_t>(size);
  };
  const ssize_t result = handshake.Guarded(append, -1);
  if (result < 0) gnutls_transport_set_errno(handshake.session_.get(), ENOMEM);
  return result;
}

void Handshake::Sent(std::size_t size) {
  sent_ += size;
  if (sent_ < output_.size()) return;
  output_.clear();
  sent_ = 0;
}

Handshake::Step Handshake::Feed(std::span<const char> bytes) {
  input_.append(bytes.data(), bytes.size());
  const Step step = Advance();
  if (step == Step::kDone) return step;
  if (saw_hello_) {
    taken_ += pulled_;
    input_.erase(0, pulled_);
    pulled_ = 0;
  }
  return step == Step::kMore && taken_ + pulled_ > kMaxHandshake ? Fail(GNUTLS_E_HANDSHAKE_TOO_LARGE) : step;
}

Handshake::Step Handshake::Advance() {
  int result = 0;
  std::size_t before = 0;
  do {
    if (std::exchange(start_again_, false)) {
      pulled_ = 0;
      Start(GNUTLS_NO_TICKETS_TLS12);
    }
    before = pulled_;
    result = gnutls_handshake(session_.get());
    Rethrow();
    // GnuTLS says "again" also behind a record with a part of a message, without having asked for the next.
  } while (result == GNUTLS_E_INTERRUPTED || result == GNUTLS_E_WARNING_ALERT_RECEIVED ||
           (result == GNUTLS_E_AGAIN && pulled_ > before && pulled_ < input_.size()));
  if (result == GNUTLS_E_AGAIN) return Step::kMore;
  if (result < 0) return Fail(result);
  if (const Status ticket = SendTicket(); !ticket.Ok()) return Fail(GNUTLS_E_INTERNAL_ERROR);
  Rethrow();
  return Step::kDone;
}

Handshake::Step Handshake::Fail(int result) {
  if (const auto alert = AlertOfClient(session_.get(), result, std::string_view(input_).substr(0, pulled_))) {
    why_ = CauseOf(GNUTLS_E_FATAL_ALERT_RECEIVED);
    detail_ = NameOf(*alert);
    return Step::kFailed;  // it is not answered
  }
  // GnuTLS would say decode_error in TLS 1.2 (RFC 5246, 7.4.6).
  if (result == GNUTLS_E_NO_CERTIFICATE_FOUND && gnutls_protocol_get_version(session_.get()) != GNUTLS_TLS1_3)
    refusal_ = GNUTLS_A_HANDSHAKE_FAILURE;
  why_ = CauseOf(result);
  detail_ = refusal_ ? NameOf(*refusal_) : gnutls_strerror(result);
  if (refusal_) {
    (void)gnutls_alert_send(session_.get(), GNUTLS_AL_FATAL, *refusal_);  // into output_
  } else {
    (void)gnutls_alert_send_appropriate(session_.get(), result);
  }
  Rethrow();
  return Step::kFailed;
}

// One: a client that opens several connections at once gets one on each.
Status Handshake::SendTicket() {
  if (ticket_key_.empty() || gnutls_protocol_get_version(session_.get()) != GNUTLS_TLS1_3) return {};
  const int result = gnutls_session_ticket_send(session_.get(), 1, 0);
  if (result < 0) return GnutlsError("gnutls_session_ticket_send", result);
  return {};
}

// ---- what GnuTLS calls ----

// Before GnuTLS reads the message. It would take a ticket of TLS 1.2 also where it goes on with 1.3: then it
// sends no certificate, and the client gives up. A session without such tickets must read the message.
int Handshake::OnHello(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                       const gnutls_datum_t* hello) {
  (void)type, (void)when, (void)incoming;
  Handshake& self = SelfOf(session);
  self.hello_ = ReadClientHello({hello->data, hello->size});
  const bool first = !std::exchange(self.saw_hello_, true);  // another may follow a HelloRetryRequest
  self.start_again_ = first && !self.ticket_key_.empty() && self.hello_.offers_old_ticket;
  return self.start_again_ ? GNUTLS_E_INTERRUPTED : 0;
}

// Called once more behind a HelloRetryRequest.
int Handshake::OnClientHello(gnutls_session_t session) {
  Handshake& self = SelfOf(session);
  // Without any version that a client of TLS 1.2 knows, GnuTLS would say that there is no cipher.
  if (self.settings_.config.min_version == TlsVersion::k13 &&
      gnutls_protocol_get_version(session) != GNUTLS_TLS1_3)
    return GNUTLS_E_UNSUPPORTED_VERSION_PACKET;
  const auto choose = [&self] {
    self.ChooseCertificate();
    self.ChooseOrder();
    return 0;
  };
  return self.Guarded(choose, GNUTLS_E_MEMORY_ERROR);
}

void Handshake::ChooseCertificate() {
  const CredentialsHandle& chosen = settings_.store.Find(ServerNameOf(session_.get()));
  if (gnutls_credentials_set(session_.get(), GNUTLS_CRD_CERTIFICATE, chosen.get()) < 0)
    throw std::bad_alloc();
  credentials_ = chosen;
}

// TLS 1.3: the client's order, which knows what its processor is good at; an order of ours would be one of
// groups too, and cost a HelloRetryRequest. TLS 1.2: ours, as scanners ask for, unless the client's processor
// has no AES.
void Handshake::ChooseOrder() {
  if (gnutls_protocol_get_version(session_.get()) == GNUTLS_TLS1_3 || hello_.prefers_chacha) return;
  PF_CHECK(gnutls_priority_set(session_.get(), settings_.own_order.get()) >= 0,
           "a priority that does not fit");
}

int Handshake::OnSecret(gnutls_session_t session, const char* label, const gnutls_datum_t* secret) {
  const std::string_view name(label);
  const bool client = name == "CLIENT_TRAFFIC_SECRET_0";
  if (!client && name != "SERVER_TRAFFIC_SECRET_0") return 0;
  Handshake& self = SelfOf(session);
  const auto keep = [&] {
    SecretBytes copy(secret->data, secret->data + secret->size);
    (client ? self.secrets_.client : self.secrets_.server).swap(copy);
    return 0;
  };
  return self.Guarded(keep, GNUTLS_E_MEMORY_ERROR);
}

int Handshake::OnClientCertificate(gnutls_session_t session) {
  return SelfOf(session).ClientIsTrusted() ? 0 : -1;
}

bool Handshake::ClientIsTrusted() {
  unsigned count = 0;
  if (gnutls_certificate_get_peers(session_.get(), &count) == nullptr || count == 0)
    return settings_.config.client_certificates == ClientCertificates::kOptional;
  gnutls_typed_vdata_st purpose{};
  purpose.type = GNUTLS_DT_KEY_PURPOSE_OID;
  static char client_purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
  purpose.data = reinterpret_cast<unsigned char*>(client_purpose);
  unsigned status = 0;
  const int result = gnutls_certificate_verify_peers(session_.get(), &purpose, 1, &status);
  if (result >= 0 && status == 0) return true;
  refusal_ = result < 0 ? GNUTLS_A_BAD_CERTIFICATE : AlertFor(status);
  return false;
}

// ---- the result ----

Result<TlsLuggage> Handshake::Take() {
  Result<tls::RecordState> state = RecordStateOf(session_.get(), hello_.record_size_limit, secrets_);
  if (!state.Ok()) return state.Err();
  TlsLuggage luggage{std::move(state).Value()};
  luggage.facts = FactsOf(session_.get(), luggage.state);
  luggage.unread.assign(input_.begin() + static_cast<std::ptrdiff_t>(pulled_), input_.end());
  session_.reset();
  return luggage;
}

}  // namespace preforkd
