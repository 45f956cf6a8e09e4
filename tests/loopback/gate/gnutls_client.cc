#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include <algorithm>
#include <stdexcept>

#include "tests/loopback/gate/tls_client.h"
#include "tests/loopback/tls/gnutls_memory.h"

namespace preforkd::testing {
namespace {

using tls::testing::GnutlsMemory;
using tls::testing::RequireGnutls;

gnutls_datum_t Datum(const std::string& text) {
  return {reinterpret_cast<unsigned char*>(const_cast<char*>(text.data())),
          static_cast<unsigned>(text.size())};
}

std::string PriorityOf(const ClientOptions& options) {
  constexpr std::array<const char*, 3> kCiphers{"AES-128-GCM", "AES-256-GCM", "CHACHA20-POLY1305"};
  std::string text = "NORMAL:-VERS-ALL";
  for (int version = options.lowest; version <= options.highest; ++version)
    text += ":+VERS-TLS1." + std::to_string(version - 10);
  if (options.suite)
    text += std::string(":-CIPHER-ALL:+") + kCiphers.at(static_cast<std::size_t>(*options.suite) - 1);
  if (options.groups == "X25519") text += ":-GROUP-ALL:+GROUP-X25519";
  if (options.groups == "P-256") text += ":-GROUP-ALL:+GROUP-SECP256R1";
  if (options.groups == "P-384") text += ":-GROUP-ALL:+GROUP-SECP384R1";
  return text;
}

class GnutlsClient final : public GnutlsMemory<TlsClient> {
 public:
  explicit GnutlsClient(const ClientOptions& options)
      : GnutlsMemory(GNUTLS_CLIENT | (options.tickets ? 0U : GNUTLS_NO_TICKETS)) {
    RequireGnutls(gnutls_priority_set_direct(TheSession(), PriorityOf(options).c_str(), nullptr), "priority");
    SetCertificates(options);
    if (!options.server_name.empty())
      RequireGnutls(gnutls_server_name_set(TheSession(), GNUTLS_NAME_DNS, options.server_name.data(),
                                           options.server_name.size()),
                    "name");
    for (const std::string& name : options.protocols) {
      const gnutls_datum_t protocol = Datum(name);
      RequireGnutls(gnutls_alpn_set_protocols(TheSession(), &protocol, 1, 0), "alpn");
    }
    if (options.record_size != 0)
      RequireGnutls(static_cast<int>(gnutls_record_set_max_recv_size(TheSession(), options.record_size)),
                    "record size");
    if (!options.session.empty())
      RequireGnutls(gnutls_session_set_data(TheSession(), options.session.data(), options.session.size()),
                    "session");
  }

  [[nodiscard]] std::string Alert() const override { return alert_; }
  [[nodiscard]] bool Resumed() const override { return gnutls_session_is_resumed(TheSession()) != 0; }
  [[nodiscard]] std::string Protocol() const override {
    gnutls_datum_t name{};
    return gnutls_alpn_get_selected_protocol(TheSession(), &name) < 0 ? std::string() : Text(name);
  }
  [[nodiscard]] std::string Staple() const override {
    gnutls_datum_t der{};
    return gnutls_ocsp_status_request_get(TheSession(), &der) < 0 ? std::string() : Text(der);
  }
  [[nodiscard]] std::string ServerFingerprint() const override {
    unsigned count = 0;
    const gnutls_datum_t* const peers = gnutls_certificate_get_peers(TheSession(), &count);
    std::array<char, 32> hash{};
    std::size_t size = hash.size();
    RequireGnutls(peers == nullptr ? -1 : gnutls_fingerprint(GNUTLS_DIG_SHA256, peers, hash.data(), &size),
                  "print");
    return {hash.data(), size};
  }
  [[nodiscard]] std::string Session() override {
    if ((gnutls_session_get_flags(TheSession()) & GNUTLS_SFLAGS_SESSION_TICKET) == 0) return {};
    gnutls_datum_t data{};
    RequireGnutls(gnutls_session_get_data2(TheSession(), &data), "session");
    std::string text = Text(data);
    gnutls_free(data.data);
    return text;
  }

 private:
  static std::string Text(const gnutls_datum_t& datum) {
    return {reinterpret_cast<const char*>(datum.data), datum.size};
  }

  void Check(int result, const char* what) override {
    if (result == GNUTLS_E_FATAL_ALERT_RECEIVED) {
      const auto alert = gnutls_alert_get(TheSession());
      alert_ = gnutls_alert_get_strname(alert);  // GNUTLS_A_PROTOCOL_VERSION
      alert_.erase(0, std::string("GNUTLS_A_").size());
      std::transform(alert_.begin(), alert_.end(), alert_.begin(),
                     [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    }
    RequireGnutls(result, what);
  }

  void SetCertificates(const ClientOptions& options) {
    if (!options.authority.empty()) {
      const gnutls_datum_t authority = Datum(options.authority);
      RequireGnutls(gnutls_certificate_set_x509_trust_mem(TheCredentials(), &authority, GNUTLS_X509_FMT_PEM),
                    "trust");
      gnutls_session_set_verify_cert(TheSession(), nullptr, 0);
    }
    if (options.chain.empty()) return;
    const gnutls_datum_t chain = Datum(options.chain);
    const gnutls_datum_t key = Datum(options.key);
    RequireGnutls(gnutls_certificate_set_x509_key_mem2(TheCredentials(), &chain, &key, GNUTLS_X509_FMT_PEM,
                                                       nullptr, GNUTLS_PKCS_PLAIN),
                  "certificate");
  }

  std::string alert_;
};

}  // namespace

std::unique_ptr<TlsClient> MakeGnutlsClient(const ClientOptions& options) {
  return std::make_unique<GnutlsClient>(options);
}

}  // namespace preforkd::testing
