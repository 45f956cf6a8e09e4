#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <stdexcept>

#include "tests/loopback/gate/tls_client.h"

namespace preforkd::testing {
namespace {

using tls::testing::Bytes;

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using Context = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using Ssl = std::unique_ptr<SSL, Free<SSL_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Bio = std::unique_ptr<BIO, Free<BIO_free_all>>;

void Require(bool good, const char* what) {
  if (good) return;
  std::array<char, 256> reason{};
  ERR_error_string_n(ERR_get_error(), reason.data(), reason.size());
  ERR_clear_error();
  throw std::runtime_error(std::string("OpenSSL: ") + what + ": " + reason.data());
}

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
  Require(SSL_CTX_set_ciphersuites(context, k13.at(index)) == 1, "suites");
  Require(SSL_CTX_set_cipher_list(context, k12.at(index)) == 1, "ciphers");
}

void SetRecordSize(SSL_CTX* context, std::size_t size) {
  std::uint8_t code = TLSEXT_max_fragment_length_512;
  for (std::size_t bytes = 512; bytes < size; bytes *= 2) ++code;
  Require(SSL_CTX_set_tlsext_max_fragment_length(context, code) == 1, "record size");
}

void SetCertificate(SSL_CTX* context, const ClientOptions& options) {
  const Certificate certificate(PEM_read_bio_X509(Memory(options.chain).get(), nullptr, nullptr, nullptr));
  const Key key(PEM_read_bio_PrivateKey(Memory(options.key).get(), nullptr, nullptr, nullptr));
  Require(SSL_CTX_use_certificate(context, certificate.get()) == 1, "certificate");
  Require(SSL_CTX_use_PrivateKey(context, key.get()) == 1, "key");
}

void Trust(SSL_CTX* context, const std::string& authority) {
  const Certificate certificate(PEM_read_bio_X509(Memory(authority).get(), nullptr, nullptr, nullptr));
  Require(X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate.get()) == 1, "authority");
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
}

std::string Protocols(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += static_cast<char>(name.size()) + name;
  return list;
}

Context MakeContext(const ClientOptions& options) {
  Context context(SSL_CTX_new(TLS_client_method()));
  Require(context != nullptr, "context");
  if (options.lowest < 12) {
    SSL_CTX_set_security_level(context.get(), 0);
    Require(SSL_CTX_set_cipher_list(context.get(), "ALL:@SECLEVEL=0") == 1, "ciphers");
  }
  SSL_CTX_set_min_proto_version(context.get(), VersionOf(options.lowest));
  SSL_CTX_set_max_proto_version(context.get(), VersionOf(options.highest));
  if (options.suite) SetSuite(context.get(), *options.suite);
  if (!options.suites.empty()) {
    const bool is_13 = options.suites.starts_with("TLS_");
    const auto set = is_13 ? SSL_CTX_set_ciphersuites : SSL_CTX_set_cipher_list;
    Require(set(context.get(), options.suites.c_str()) == 1, "suites");
  }
  if (options.record_size != 0) SetRecordSize(context.get(), options.record_size);
  if (!options.groups.empty())
    Require(SSL_CTX_set1_groups_list(context.get(), options.groups.c_str()) == 1, "groups");
  if (!options.signatures.empty())
    Require(SSL_CTX_set1_sigalgs_list(context.get(), options.signatures.c_str()) == 1, "signatures");
  if (!options.chain.empty()) SetCertificate(context.get(), options);
  if (!options.authority.empty()) Trust(context.get(), options.authority);
  if (!options.tickets) SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET);
  const std::string protocols = Protocols(options.protocols);
  if (!protocols.empty())
    Require(SSL_CTX_set_alpn_protos(context.get(), reinterpret_cast<const unsigned char*>(protocols.data()),
                                    static_cast<unsigned>(protocols.size())) == 0,
            "alpn");
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  return context;
}

class OpensslClient final : public TlsClient {
 public:
  explicit OpensslClient(const ClientOptions& options)
      : context_(MakeContext(options)),
        ssl_(SSL_new(context_.get())),
        in_(BIO_new(BIO_s_mem())),
        out_(BIO_new(BIO_s_mem())) {
    SSL_set_app_data(ssl_.get(), this);
    SSL_CTX_sess_set_new_cb(context_.get(), OnSession);
    SSL_set_info_callback(ssl_.get(), OnInfo);
    SSL_set_bio(ssl_.get(), in_, out_);  // owns both
    SSL_set_connect_state(ssl_.get());
    if (!options.server_name.empty())
      Require(SSL_set_tlsext_host_name(ssl_.get(), options.server_name.c_str()) == 1, "name");
    if (options.staple) SSL_set_tlsext_status_type(ssl_.get(), TLSEXT_STATUSTYPE_ocsp);
    if (!options.session.empty()) Resume(options.session);
  }

  bool Handshake() override {
    const int result = SSL_do_handshake(ssl_.get());
    if (result == 1) return true;
    Require(SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ, "handshake");
    return false;
  }

  void Feed(const Bytes& records) override {
    if (records.empty()) return;
    const int size = static_cast<int>(records.size());
    Require(BIO_write(in_, records.data(), size) == size, "memory");
  }
  Bytes TakeOut() override {
    Bytes bytes(BIO_ctrl_pending(out_));
    if (!bytes.empty()) BIO_read(out_, bytes.data(), static_cast<int>(bytes.size()));
    return bytes;
  }
  void Write(std::string_view text) override {
    const int size = static_cast<int>(text.size());
    Require(SSL_write(ssl_.get(), text.data(), size) == size, "write");
  }
  std::string Read() override {
    std::string text;
    std::array<char, 20'000> part;
    for (;;) {
      const int size = SSL_read(ssl_.get(), part.data(), static_cast<int>(part.size()));
      if (size > 0) {
        text.append(part.data(), static_cast<std::size_t>(size));
        continue;
      }
      const int error = SSL_get_error(ssl_.get(), size);
      Require(error == SSL_ERROR_WANT_READ || error == SSL_ERROR_ZERO_RETURN, "read");
      return text;
    }
  }
  void UpdateKeys(bool ask) override {
    const int kind = ask ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED;
    Require(SSL_key_update(ssl_.get(), kind) == 1 && SSL_do_handshake(ssl_.get()) == 1, "key update");
  }
  bool Renegotiate() override { throw std::runtime_error("not offered here"); }
  void Close() override { Require(SSL_shutdown(ssl_.get()) >= 0, "shutdown"); }
  [[nodiscard]] bool SawClose() const override {
    return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
  }

  [[nodiscard]] std::string Alert() const override { return alert_; }
  [[nodiscard]] bool Resumed() const override { return SSL_session_reused(ssl_.get()) == 1; }
  [[nodiscard]] std::string Protocol() const override {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }
  [[nodiscard]] std::string Staple() const override {
    const unsigned char* der = nullptr;
    const long size = SSL_get_tlsext_status_ocsp_resp(ssl_.get(), &der);
    return size <= 0 ? std::string()
                     : std::string(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  }
  [[nodiscard]] std::string ServerFingerprint() const override {
    const Certificate certificate(SSL_get1_peer_certificate(ssl_.get()));
    std::array<unsigned char, 32> hash{};
    unsigned size = 0;
    Require(certificate != nullptr && X509_digest(certificate.get(), EVP_sha256(), hash.data(), &size) == 1,
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
    Require(read != nullptr && SSL_set_session(ssl_.get(), read) == 1, "session");
    SSL_SESSION_free(read);
  }

  Context context_;
  Ssl ssl_;
  BIO* in_;
  BIO* out_;
  std::string alert_;
  std::string session_;
};

}  // namespace

std::unique_ptr<TlsClient> MakeOpensslClient(const ClientOptions& options) {
  return std::make_unique<OpensslClient>(options);
}

}  // namespace preforkd::testing
