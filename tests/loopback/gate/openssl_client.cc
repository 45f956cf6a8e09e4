#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <stdexcept>

#include "tests/loopback/gate/tls_client.h"
#include "tests/loopback/tls/openssl_memory.h"

namespace preforkd::testing {
namespace {

using tls::testing::Free;
using tls::testing::OpensslMemory;
using tls::testing::RequireOpenssl;
using tls::testing::SslContext;

using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Bio = std::unique_ptr<BIO, Free<BIO_free_all>>;

int VersionOf(int version) { return TLS1_VERSION + version - 10; }

Bio Memory(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

void SetSuite(SSL_CTX* context, tls::Suite suite) {
  constexpr std::array<const char*, 3> k13{"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                           "TLS_CHACHA20_POLY1305_SHA256"};
  constexpr std::array<const char*, 3> k12{"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256",
                                           "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384",
                                           "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"};
  const auto index = static_cast<std::size_t>(suite) - 1;
  RequireOpenssl(SSL_CTX_set_ciphersuites(context, k13.at(index)) == 1, "suites");
  RequireOpenssl(SSL_CTX_set_cipher_list(context, k12.at(index)) == 1, "ciphers");
}

void SetRecordSize(SSL_CTX* context, std::size_t size) {
  std::uint8_t code = TLSEXT_max_fragment_length_512;
  for (std::size_t bytes = 512; bytes < size; bytes *= 2) ++code;
  RequireOpenssl(SSL_CTX_set_tlsext_max_fragment_length(context, code) == 1, "record size");
}

void SetCertificate(SSL_CTX* context, const ClientOptions& options) {
  const Certificate certificate(PEM_read_bio_X509(Memory(options.chain).get(), nullptr, nullptr, nullptr));
  const Key key(PEM_read_bio_PrivateKey(Memory(options.key).get(), nullptr, nullptr, nullptr));
  RequireOpenssl(SSL_CTX_use_certificate(context, certificate.get()) == 1, "certificate");
  RequireOpenssl(SSL_CTX_use_PrivateKey(context, key.get()) == 1, "key");
}

void Trust(SSL_CTX* context, const std::string& authority) {
  const Certificate certificate(PEM_read_bio_X509(Memory(authority).get(), nullptr, nullptr, nullptr));
  RequireOpenssl(X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate.get()) == 1, "authority");
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
}

std::string Protocols(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += static_cast<char>(name.size()) + name;
  return list;
}

SslContext MakeContext(const ClientOptions& options) {
  SslContext context(SSL_CTX_new(TLS_client_method()));
  RequireOpenssl(context != nullptr, "context");
  if (options.lowest < 12) {
    SSL_CTX_set_security_level(context.get(), 0);
    RequireOpenssl(SSL_CTX_set_cipher_list(context.get(), "ALL:@SECLEVEL=0") == 1, "ciphers");
  }
  SSL_CTX_set_min_proto_version(context.get(), VersionOf(options.lowest));
  SSL_CTX_set_max_proto_version(context.get(), VersionOf(options.highest));
  if (options.suite) SetSuite(context.get(), *options.suite);
  if (!options.suites.empty()) {
    const bool is_13 = options.suites.starts_with("TLS_");
    const auto set = is_13 ? SSL_CTX_set_ciphersuites : SSL_CTX_set_cipher_list;
    RequireOpenssl(set(context.get(), options.suites.c_str()) == 1, "suites");
  }
  if (options.record_size != 0) SetRecordSize(context.get(), options.record_size);
  if (!options.groups.empty())
    RequireOpenssl(SSL_CTX_set1_groups_list(context.get(), options.groups.c_str()) == 1, "groups");
  if (!options.signatures.empty())
    RequireOpenssl(SSL_CTX_set1_sigalgs_list(context.get(), options.signatures.c_str()) == 1, "signatures");
  if (!options.chain.empty()) SetCertificate(context.get(), options);
  if (!options.authority.empty()) Trust(context.get(), options.authority);
  if (!options.tickets) SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET);
  const std::string protocols = Protocols(options.protocols);
  if (!protocols.empty())
    RequireOpenssl(
        SSL_CTX_set_alpn_protos(context.get(), reinterpret_cast<const unsigned char*>(protocols.data()),
                                static_cast<unsigned>(protocols.size())) == 0,
        "alpn");
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  return context;
}

class OpensslClient final : public OpensslMemory<TlsClient> {
 public:
  explicit OpensslClient(const ClientOptions& options) : OpensslMemory(MakeContext(options)) {
    SSL_set_app_data(TheSsl(), this);
    SSL_CTX_sess_set_new_cb(TheContext(), OnSession);
    SSL_set_info_callback(TheSsl(), OnInfo);
    SSL_set_connect_state(TheSsl());
    if (!options.server_name.empty())
      RequireOpenssl(SSL_set_tlsext_host_name(TheSsl(), options.server_name.c_str()) == 1, "name");
    if (options.staple) SSL_set_tlsext_status_type(TheSsl(), TLSEXT_STATUSTYPE_ocsp);
    if (!options.session.empty()) Resume(options.session);
  }

  [[nodiscard]] std::string Alert() const override { return alert_; }
  [[nodiscard]] bool Resumed() const override { return SSL_session_reused(TheSsl()) == 1; }
  [[nodiscard]] std::string Protocol() const override {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(TheSsl(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }
  [[nodiscard]] std::string Staple() const override {
    const unsigned char* der = nullptr;
    const long size = SSL_get_tlsext_status_ocsp_resp(TheSsl(), &der);
    return size <= 0 ? std::string()
                     : std::string(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  }
  [[nodiscard]] std::string ServerFingerprint() const override {
    const Certificate certificate(SSL_get1_peer_certificate(TheSsl()));
    std::array<unsigned char, 32> hash{};
    unsigned size = 0;
    RequireOpenssl(
        certificate != nullptr && X509_digest(certificate.get(), EVP_sha256(), hash.data(), &size) == 1,
        "fingerprint");
    return {hash.begin(), hash.end()};
  }
  [[nodiscard]] std::string Session() override { return session_; }

 private:
  static int OnSession(SSL* ssl, SSL_SESSION* session) {
    unsigned char* der = nullptr;
    const int size = i2d_SSL_SESSION(session, &der);
    if (size > 0 && SSL_SESSION_has_ticket(session) == 1)
      static_cast<OpensslClient*>(SSL_get_app_data(ssl))
          ->session_.assign(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
    return 0;
  }

  static void OnInfo(const SSL* ssl, int where, int value) {
    if ((where & SSL_CB_READ_ALERT) != SSL_CB_READ_ALERT || value >> 8 != SSL3_AL_FATAL) return;
    std::string text = SSL_alert_desc_string_long(value);
    if ((value & 0xff) == 116) text = "certificate_required";  // OpenSSL 3.0 does not know it
    std::replace(text.begin(), text.end(), ' ', '_');
    static_cast<OpensslClient*>(SSL_get_app_data(ssl))->alert_ = text;
  }

  void Resume(const std::string& session) {
    const auto* der = reinterpret_cast<const unsigned char*>(session.data());
    SSL_SESSION* const read = d2i_SSL_SESSION(nullptr, &der, static_cast<long>(session.size()));
    RequireOpenssl(read != nullptr && SSL_set_session(TheSsl(), read) == 1, "session");
    SSL_SESSION_free(read);
  }

  std::string alert_;
  std::string session_;
};

}  // namespace

std::unique_ptr<TlsClient> MakeOpensslClient(const ClientOptions& options) {
  return std::make_unique<OpensslClient>(options);
}

}  // namespace preforkd::testing
