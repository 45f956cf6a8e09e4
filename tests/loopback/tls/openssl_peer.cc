#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <map>
#include <stdexcept>

#include "tests/loopback/tls/library_peer.h"
#include "tests/loopback/tls/openssl_memory.h"

namespace preforkd::tls::testing {
namespace {

using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;

const char* CipherName(const Kind& kind) {
  constexpr std::array<const char*, 3> k13{"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                           "TLS_CHACHA20_POLY1305_SHA256"};
  constexpr std::array<const char*, 3> k12{"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
                                           "ECDHE-ECDSA-CHACHA20-POLY1305"};
  const auto index = static_cast<std::size_t>(kind.suite) - 1;
  return kind.version == Version::kTls13 ? k13[index] : k12[index];
}

// Self-signed; nobody checks it.
void GiveCertificate(SSL_CTX& context) {
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate(X509_new());
  RequireOpenssl(key && certificate, "certificate");
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  RequireOpenssl(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0, "sign");
  RequireOpenssl(SSL_CTX_use_certificate(&context, certificate.get()) == 1, "use certificate");
  RequireOpenssl(SSL_CTX_use_PrivateKey(&context, key.get()) == 1, "use key");
}

using Secrets = std::map<std::string, Bytes>;  // by the label of the key log

void KeepSecret(const SSL* session, const char* line) {
  auto* const secrets = static_cast<Secrets*>(SSL_get_app_data(session));
  const std::string text = line;
  const std::size_t first = text.find(' ');
  (*secrets)[text.substr(0, first)] = FromHex(text.substr(text.rfind(' ') + 1));
}

SslContext MakeContext(const Kind& kind, Role role, bool tickets) {
  SslContext context(SSL_CTX_new(role == Role::kServer ? TLS_server_method() : TLS_client_method()));
  RequireOpenssl(context != nullptr, "context");
  const int version = kind.version == Version::kTls13 ? TLS1_3_VERSION : TLS1_2_VERSION;
  SSL_CTX_set_min_proto_version(context.get(), version);
  SSL_CTX_set_max_proto_version(context.get(), version);
  const int set = kind.version == Version::kTls13 ? SSL_CTX_set_ciphersuites(context.get(), CipherName(kind))
                                                  : SSL_CTX_set_cipher_list(context.get(), CipherName(kind));
  RequireOpenssl(set == 1, "cipher");
  SSL_CTX_set_keylog_callback(context.get(), KeepSecret);
  if (role == Role::kServer) GiveCertificate(*context);
  if (!tickets) SSL_CTX_set_num_tickets(context.get(), 0);
  return context;
}

class OpensslEnd final : public OpensslMemory<LibraryPeer> {
 public:
  OpensslEnd(const Kind& kind, Role role, bool tickets) : OpensslMemory(MakeContext(kind, role, tickets)) {
    SSL_set_app_data(TheSsl(), &secrets_);
    if (role == Role::kServer) {
      SSL_set_accept_state(TheSsl());
    } else {
      SSL_set_connect_state(TheSsl());
    }
  }

  [[nodiscard]] SSL& TheSession() { return *TheSsl(); }
  [[nodiscard]] const Secrets& TheSecrets() const { return secrets_; }

 private:
  Secrets secrets_;
};

// All that one end has sent in the handshake.
struct Flight {
  Bytes all;
  std::size_t last_records = 0;  // in the call that ended its handshake
};

void Copy(const Bytes& from, std::span<std::byte> to) { std::copy(from.begin(), from.end(), to.begin()); }

// The records behind change_cipher_spec, which are those with keys: a client may split Finished, so their
// number is not always 1.
std::span<const std::byte> BehindChange(const Flight& flight) {
  std::span<const std::byte> rest = flight.all;
  for (bool changed = false; !changed;) {
    const RecordHeader header = ParseHeader(rest);
    changed = header.type == ContentType::kChangeCipherSpec;
    rest = rest.subspan(kHeaderBytes + header.length);
  }
  return rest;
}

Bytes KeyBlock(SSL& session, const Kind& kind, std::size_t size) {
  std::array<unsigned char, 48> master{};
  SSL_SESSION_get_master_key(SSL_get_session(&session), master.data(), master.size());
  std::string seed = "key expansion";
  std::array<unsigned char, 32> hello{};
  SSL_get_server_random(&session, hello.data(), hello.size());
  seed.append(hello.begin(), hello.end());
  SSL_get_client_random(&session, hello.data(), hello.size());
  seed.append(hello.begin(), hello.end());
  const std::unique_ptr<EVP_KDF, Free<EVP_KDF_free>> kdf(EVP_KDF_fetch(nullptr, "TLS1-PRF", nullptr));
  const std::unique_ptr<EVP_KDF_CTX, Free<EVP_KDF_CTX_free>> context(EVP_KDF_CTX_new(kdf.get()));
  std::string digest = kind.suite == Suite::kAes256Gcm ? "SHA384" : "SHA256";
  const std::array<OSSL_PARAM, 4> params{
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, master.data(), master.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed.data(), seed.size()),
      OSSL_PARAM_construct_end()};
  Bytes block(size);
  RequireOpenssl(
      EVP_KDF_derive(context.get(), reinterpret_cast<unsigned char*>(block.data()), size, params.data()) == 1,
      "key block");
  return block;
}

// RFC 5246, 6.3: both keys, then both IVs; the client's is first.
void SetKeys12(OpensslEnd& end, const Kind& kind, DirectionState& client, DirectionState& server) {
  const std::size_t key = KeyBytes(kind.suite);
  const std::size_t iv = kind.suite == Suite::kChaCha20Poly1305 ? kIvBytes : kSaltBytes;
  const Bytes block = KeyBlock(end.TheSession(), kind, 2 * (key + iv));
  const auto part = [&](std::size_t from, std::size_t size) {
    const auto begin = block.begin() + static_cast<long>(from);
    return Bytes(begin, begin + static_cast<long>(size));
  };
  Copy(part(0, key), client.key);
  Copy(part(key, key), server.key);
  Copy(part(2 * key, iv), client.iv);
  Copy(part(2 * key + iv, iv), server.iv);
}

// One more than the last that OpenSSL has sent, which began at random.
void SetNextNonce(std::span<const std::byte> records, DirectionState& write) {
  std::span<const std::byte> last;
  while (!records.empty()) {
    last = records;
    records = records.subspan(kHeaderBytes + ParseHeader(records).length);
  }
  std::uint64_t nonce = 0;
  for (std::size_t i = 0; i < 8; ++i)
    nonce = nonce << 8 | std::to_integer<std::uint64_t>(last[kHeaderBytes + i]);
  ++nonce;
  for (std::size_t i = 12; i > 4; --i, nonce >>= 8) write.iv[i - 1] = static_cast<std::byte>(nonce & 255);
}

void SetKeys13(OpensslEnd& end, const Kind& kind, DirectionState& client, DirectionState& server) {
  Copy(end.TheSecrets().at("CLIENT_TRAFFIC_SECRET_0"), client.secret);
  Copy(end.TheSecrets().at("SERVER_TRAFFIC_SECRET_0"), server.secret);
  for (DirectionState* direction : {&client, &server}) Crypto().schedule.DeriveKeys(kind.suite, *direction);
}

RecordState StateOf(OpensslEnd& end, const Kind& kind, Role role, const Flight& ours, const Flight& peers) {
  RecordState state;
  state.version = kind.version;
  state.suite = kind.suite;
  DirectionState& client = role == Role::kServer ? state.read : state.write;
  DirectionState& server = role == Role::kServer ? state.write : state.read;
  if (kind.version == Version::kTls13) {
    SetKeys13(end, kind, client, server);
    // Tickets have the keys of application data, and numbers.
    if (role == Role::kServer) state.write.sequence = ours.last_records;
    return state;
  }
  SetKeys12(end, kind, client, server);
  state.write.sequence = CountRecords(BehindChange(ours));
  state.read.sequence = CountRecords(BehindChange(peers));
  if (HasExplicitNonce(kind.version, kind.suite)) SetNextNonce(BehindChange(ours), state.write);
  return state;
}

}  // namespace

Takeover TakeOverFromOpenssl(const Kind& kind, Role role) {
  auto client = std::make_unique<OpensslEnd>(kind, Role::kClient, true);
  auto server = std::make_unique<OpensslEnd>(kind, Role::kServer, role == Role::kServer);
  Flight from_client;
  Flight from_server;
  bool client_done = false;
  bool server_done = false;
  for (int round = 0; round < 10 && !(client_done && server_done); ++round) {
    if (!client_done) client_done = client->Handshake();
    Bytes out = client->TakeOut();
    from_client.all += out;
    server->Feed(out);
    const bool was_done = server_done;
    if (!server_done) server_done = server->Handshake();
    out = server->TakeOut();
    from_server.all += out;
    if (server_done && !was_done) from_server.last_records = CountRecords(out);
    client->Feed(out);
  }
  RequireOpenssl(client_done && server_done, "no handshake");
  if (role == Role::kServer)
    return {std::move(client), StateOf(*server, kind, role, from_server, from_client)};
  return {std::move(server), StateOf(*client, kind, role, from_client, from_server)};
}

}  // namespace preforkd::tls::testing
