#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <stdexcept>

#include "tests/loopback/tls/library_peer.h"

namespace preforkd::tls::testing {
namespace {

void Require(int result, const char* what) {
  if (result < 0) throw std::runtime_error(std::string("GnuTLS: ") + what + ": " + gnutls_strerror(result));
}

std::string PriorityOf(const Kind& kind) {
  constexpr std::array<const char*, 3> kCiphers{"AES-128-GCM", "AES-256-GCM", "CHACHA20-POLY1305"};
  return std::string("NONE:+ECDHE-ECDSA:+AEAD:+SIGN-ALL:+GROUP-SECP256R1:+SHA256:+SHA384:+VERS-TLS1.") +
         (kind.version == Version::kTls13 ? "3" : "2") + ":+" +
         kCiphers[static_cast<std::size_t>(kind.suite) - 1];
}

// Self-signed; nobody checks it.
class Credentials {
 public:
  Credentials() {
    Require(gnutls_certificate_allocate_credentials(&credentials_), "credentials");
    gnutls_x509_privkey_t key = nullptr;
    gnutls_x509_crt_t certificate = nullptr;
    Require(gnutls_x509_privkey_init(&key), "key");
    Require(gnutls_x509_crt_init(&certificate), "certificate");
    Require(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                         GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
            "generate");
    const unsigned char serial = 1;
    gnutls_x509_crt_set_version(certificate, 3);
    gnutls_x509_crt_set_serial(certificate, &serial, 1);
    const std::time_t now = std::time(nullptr);
    gnutls_x509_crt_set_activation_time(certificate, now - 60);
    gnutls_x509_crt_set_expiration_time(certificate, now + 3600);
    Require(gnutls_x509_crt_set_key(certificate, key), "set key");
    Require(gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0), "sign");
    Require(gnutls_certificate_set_x509_key(credentials_, &certificate, 1, key), "use");
    gnutls_x509_crt_deinit(certificate);
    gnutls_x509_privkey_deinit(key);
  }
  Credentials(const Credentials&) = delete;
  Credentials& operator=(const Credentials&) = delete;
  ~Credentials() { gnutls_certificate_free_credentials(credentials_); }

  [[nodiscard]] gnutls_certificate_credentials_t Get() const { return credentials_; }

 private:
  gnutls_certificate_credentials_t credentials_ = nullptr;
};

class GnutlsEnd : public LibraryPeer {
 public:
  GnutlsEnd(const Kind& kind, Role role, bool tickets) {
    unsigned flags = (role == Role::kServer ? GNUTLS_SERVER : GNUTLS_CLIENT) | GNUTLS_NONBLOCK;
    if (!tickets) flags |= GNUTLS_NO_TICKETS;
    Require(gnutls_init(&session_, flags), "init");
    Require(gnutls_priority_set_direct(session_, PriorityOf(kind).c_str(), nullptr), "priority");
    Require(gnutls_credentials_set(session_, GNUTLS_CRD_CERTIFICATE, credentials_.Get()), "credentials");
    if (tickets && role == Role::kServer) {
      gnutls_datum_t key{};
      Require(gnutls_session_ticket_key_generate(&key), "ticket key");
      Require(gnutls_session_ticket_enable_server(session_, &key), "tickets");
      gnutls_free(key.data);
    }
    gnutls_session_set_ptr(session_, this);
    gnutls_session_set_keylog_function(session_, KeepSecret);
    gnutls_transport_set_ptr(session_, this);
    gnutls_transport_set_pull_function(session_, Pull);
    gnutls_transport_set_push_function(session_, Push);
    gnutls_handshake_set_timeout(session_, 0);
  }
  GnutlsEnd(const GnutlsEnd&) = delete;
  GnutlsEnd& operator=(const GnutlsEnd&) = delete;
  ~GnutlsEnd() override { gnutls_deinit(session_); }

  bool Handshake() {
    const int result = gnutls_handshake(session_);
    if (result == GNUTLS_E_AGAIN) return false;
    Require(result, "handshake");
    return true;
  }

  void Feed(const Bytes& records) override { in_ += records; }
  Bytes TakeOut() override { return std::exchange(out_, {}); }

  void Write(std::string_view text) override {
    while (!text.empty()) {
      const ssize_t size = gnutls_record_send(session_, text.data(), text.size());
      Require(static_cast<int>(size), "send");
      text.remove_prefix(static_cast<std::size_t>(size));
    }
  }

  std::string Read() override {
    std::string text;
    std::array<char, 20'000> part;
    for (;;) {
      const bool had_all = in_.empty();
      const ssize_t size = gnutls_record_recv(session_, part.data(), part.size());
      if (size == GNUTLS_E_AGAIN) {
        // It also says so behind a ticket or a KeyUpdate, whatever follows.
        if (had_all) return text;
        continue;
      }
      Require(static_cast<int>(size), "receive");
      if (size == 0) {
        saw_close_ = true;
        return text;
      }
      text.append(part.data(), static_cast<std::size_t>(size));
    }
  }

  void UpdateKeys(bool ask) override {
    // GnuTLS refuses to do it more often than 8 times a second.
    if (updates_++ >= 6) return;
    Require(gnutls_session_key_update(session_, ask ? GNUTLS_KU_PEER : 0), "key update");
  }

  bool Renegotiate() override {
    const int result = gnutls_handshake(session_);
    if (result == GNUTLS_E_AGAIN) return false;
    if (result != GNUTLS_E_WARNING_ALERT_RECEIVED) Require(result, "renegotiate");
    return gnutls_alert_get(session_) == GNUTLS_A_NO_RENEGOTIATION;
  }

  void Close() override { Require(gnutls_bye(session_, GNUTLS_SHUT_WR), "bye"); }
  [[nodiscard]] bool SawClose() const override { return saw_close_; }

  RecordState TakeState(const Kind& kind, Role role) {
    RecordState state;
    state.version = kind.version;
    state.suite = kind.suite;
    SetDirection(kind, true, state.read);
    SetDirection(kind, false, state.write);
    if (kind.version == Version::kTls13) {
      Copy(secrets_.at("CLIENT_TRAFFIC_SECRET_0"), (role == Role::kServer ? state.read : state.write).secret);
      Copy(secrets_.at("SERVER_TRAFFIC_SECRET_0"), (role == Role::kServer ? state.write : state.read).secret);
    }
    return state;
  }

 private:
  static void Copy(const Bytes& from, std::span<std::byte> to) {
    std::copy(from.begin(), from.end(), to.begin());
  }

  static Bytes BytesOf(const gnutls_datum_t& datum) {
    const auto* const bytes = reinterpret_cast<const std::byte*>(datum.data);
    return {bytes, bytes + datum.size};
  }

  void SetDirection(const Kind& kind, bool reads, DirectionState& direction) {
    gnutls_datum_t mac{};
    gnutls_datum_t iv{};
    gnutls_datum_t key{};  // all borrowed
    std::array<unsigned char, 8> number{};
    Require(gnutls_record_get_state(session_, reads ? 1 : 0, &mac, &iv, &key, number.data()), "state");
    Copy(BytesOf(key), direction.key);
    Copy(BytesOf(iv), direction.iv);
    for (const unsigned char byte : number) direction.sequence = direction.sequence << 8 | byte;
    // GnuTLS's explicit nonce is the number of the record.
    if (HasExplicitNonce(kind.version, kind.suite) && !reads)
      for (std::size_t i = 0; i < 8; ++i) direction.iv[kSaltBytes + i] = static_cast<std::byte>(number[i]);
  }

  static int KeepSecret(gnutls_session_t session, const char* label, const gnutls_datum_t* secret) {
    static_cast<GnutlsEnd*>(gnutls_session_get_ptr(session))->secrets_[label] = BytesOf(*secret);
    return 0;
  }

  static ssize_t Pull(gnutls_transport_ptr_t self, void* bytes, std::size_t size) {
    auto& end = *static_cast<GnutlsEnd*>(self);
    if (end.in_.empty()) {
      gnutls_transport_set_errno(end.session_, EAGAIN);
      return -1;
    }
    const std::size_t given = std::min(size, end.in_.size());
    std::copy_n(end.in_.begin(), given, static_cast<std::byte*>(bytes));
    end.in_.erase(end.in_.begin(), end.in_.begin() + static_cast<long>(given));
    return static_cast<ssize_t>(given);
  }

  static ssize_t Push(gnutls_transport_ptr_t self, const void* bytes, std::size_t size) {
    const auto* const from = static_cast<const std::byte*>(bytes);
    auto& out = static_cast<GnutlsEnd*>(self)->out_;
    out.insert(out.end(), from, from + size);
    return static_cast<ssize_t>(size);
  }

  Credentials credentials_;
  gnutls_session_t session_ = nullptr;
  std::map<std::string, Bytes> secrets_;  // by the label of the key log
  Bytes in_;
  Bytes out_;
  int updates_ = 0;
  bool saw_close_ = false;
};

}  // namespace

Takeover TakeOverFromGnutls(const Kind& kind, Role role) {
  auto client = std::make_unique<GnutlsEnd>(kind, Role::kClient, role == Role::kServer);
  auto server = std::make_unique<GnutlsEnd>(kind, Role::kServer, role == Role::kServer);
  bool client_done = false;
  bool server_done = false;
  for (int round = 0; round < 10 && !(client_done && server_done); ++round) {
    if (!client_done) client_done = client->Handshake();
    server->Feed(client->TakeOut());
    if (!server_done) server_done = server->Handshake();
    client->Feed(server->TakeOut());
  }
  if (!client_done || !server_done) throw std::runtime_error("GnuTLS: no handshake");
  if (role == Role::kServer) return {std::move(client), server->TakeState(kind, role)};
  return {std::move(server), client->TakeState(kind, role)};
}

}  // namespace preforkd::tls::testing
