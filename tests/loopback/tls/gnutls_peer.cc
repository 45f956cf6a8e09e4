#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <stdexcept>

#include "tests/loopback/tls/gnutls_memory.h"
#include "tests/loopback/tls/library_peer.h"

namespace preforkd::tls::testing {
namespace {

std::string PriorityOf(const Kind& kind) {
  constexpr std::array<const char*, 3> kCiphers{"AES-128-GCM", "AES-256-GCM", "CHACHA20-POLY1305"};
  return std::string("NONE:+ECDHE-ECDSA:+AEAD:+SIGN-ALL:+GROUP-SECP256R1:+SHA256:+SHA384:+VERS-TLS1.") +
         (kind.version == Version::kTls13 ? "3" : "2") + ":+" +
         kCiphers[static_cast<std::size_t>(kind.suite) - 1];
}

// Self-signed; nobody checks it.
void GiveCertificate(gnutls_certificate_credentials_t credentials) {
  gnutls_x509_privkey_t key = nullptr;
  gnutls_x509_crt_t certificate = nullptr;
  RequireGnutls(gnutls_x509_privkey_init(&key), "key");
  RequireGnutls(gnutls_x509_crt_init(&certificate), "certificate");
  RequireGnutls(
      gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
      "generate");
  const unsigned char serial = 1;
  gnutls_x509_crt_set_version(certificate, 3);
  gnutls_x509_crt_set_serial(certificate, &serial, 1);
  const std::time_t now = std::time(nullptr);
  gnutls_x509_crt_set_activation_time(certificate, now - 60);
  gnutls_x509_crt_set_expiration_time(certificate, now + 3600);
  RequireGnutls(gnutls_x509_crt_set_key(certificate, key), "set key");
  RequireGnutls(gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0), "sign");
  RequireGnutls(gnutls_certificate_set_x509_key(credentials, &certificate, 1, key), "use");
  gnutls_x509_crt_deinit(certificate);
  gnutls_x509_privkey_deinit(key);
}

class GnutlsEnd final : public GnutlsMemory<LibraryPeer> {
 public:
  GnutlsEnd(const Kind& kind, Role role, bool tickets)
      : GnutlsMemory((role == Role::kServer ? GNUTLS_SERVER : GNUTLS_CLIENT) |
                     (tickets ? 0U : GNUTLS_NO_TICKETS)) {
    RequireGnutls(gnutls_priority_set_direct(TheSession(), PriorityOf(kind).c_str(), nullptr), "priority");
    GiveCertificate(TheCredentials());
    if (tickets && role == Role::kServer) {
      gnutls_datum_t key{};
      RequireGnutls(gnutls_session_ticket_key_generate(&key), "ticket key");
      RequireGnutls(gnutls_session_ticket_enable_server(TheSession(), &key), "tickets");
      gnutls_free(key.data);
    }
    gnutls_session_set_ptr(TheSession(), this);
    gnutls_session_set_keylog_function(TheSession(), KeepSecret);
  }

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
    RequireGnutls(gnutls_record_get_state(TheSession(), reads ? 1 : 0, &mac, &iv, &key, number.data()),
                  "state");
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

  std::map<std::string, Bytes> secrets_;  // by the label of the key log
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
