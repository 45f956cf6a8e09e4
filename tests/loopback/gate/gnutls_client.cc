#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include <algorithm>
#include <stdexcept>

#include "tests/loopback/gate/tls_client.h"

namespace preforkd::testing {
namespace {

using tls::testing::Bytes;

void Require(int result, const char* what) {
  if (result < 0) throw std::runtime_error(std::string("GnuTLS: ") + what + ": " + gnutls_strerror(result));
}

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

class GnutlsClient final : public TlsClient {
 public:
  explicit GnutlsClient(const ClientOptions& options) {
    Require(gnutls_certificate_allocate_credentials(&credentials_), "credentials");
    const unsigned flags = GNUTLS_CLIENT | GNUTLS_NONBLOCK | (options.tickets ? 0U : GNUTLS_NO_TICKETS);
    Require(gnutls_init(&session_, flags), "init");
    Require(gnutls_priority_set_direct(session_, PriorityOf(options).c_str(), nullptr), "priority");
    SetCertificates(options);
    Require(gnutls_credentials_set(session_, GNUTLS_CRD_CERTIFICATE, credentials_), "credentials");
    if (!options.server_name.empty())
      Require(gnutls_server_name_set(session_, GNUTLS_NAME_DNS, options.server_name.data(),
                                     options.server_name.size()),
              "name");
    for (const std::string& name : options.protocols) {
      const gnutls_datum_t protocol = Datum(name);
      Require(gnutls_alpn_set_protocols(session_, &protocol, 1, 0), "alpn");
    }
    if (options.record_size != 0)
      Require(static_cast<int>(gnutls_record_set_max_recv_size(session_, options.record_size)),
              "record size");
    if (!options.session.empty())
      Require(gnutls_session_set_data(session_, options.session.data(), options.session.size()), "session");
    gnutls_transport_set_ptr(session_, this);
    gnutls_transport_set_pull_function(session_, Pull);
    gnutls_transport_set_push_function(session_, Push);
    gnutls_handshake_set_timeout(session_, 0);
  }
  GnutlsClient(const GnutlsClient&) = delete;
  GnutlsClient& operator=(const GnutlsClient&) = delete;
  ~GnutlsClient() override {
    gnutls_deinit(session_);
    gnutls_certificate_free_credentials(credentials_);
  }

  bool Handshake() override {
    const int result = gnutls_handshake(session_);
    if (result == GNUTLS_E_AGAIN) return false;
    Check(result, "handshake");
    return true;
  }

  void Feed(const Bytes& records) override { in_.insert(in_.end(), records.begin(), records.end()); }
  Bytes TakeOut() override { return std::exchange(out_, {}); }
  void Write(std::string_view text) override {
    while (!text.empty()) {
      const ssize_t size = gnutls_record_send(session_, text.data(), text.size());
      Check(static_cast<int>(size), "send");
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
        if (had_all) return text;  // it also says so behind a ticket or a KeyUpdate
        continue;
      }
      Check(static_cast<int>(size), "receive");
      if (size == 0) {
        saw_close_ = true;
        return text;
      }
      text.append(part.data(), static_cast<std::size_t>(size));
    }
  }
  void UpdateKeys(bool ask) override {
    // GnuTLS refuses to do it more often than 8 times a second.
    if (updates_++ < 6) Require(gnutls_session_key_update(session_, ask ? GNUTLS_KU_PEER : 0), "key update");
  }
  bool Renegotiate() override { throw std::runtime_error("not offered here"); }
  void Close() override { Require(gnutls_bye(session_, GNUTLS_SHUT_WR), "bye"); }
  [[nodiscard]] bool SawClose() const override { return saw_close_; }

  [[nodiscard]] std::string Alert() const override { return alert_; }
  [[nodiscard]] bool Resumed() const override { return gnutls_session_is_resumed(session_) != 0; }
  [[nodiscard]] std::string Protocol() const override {
    gnutls_datum_t name{};
    return gnutls_alpn_get_selected_protocol(session_, &name) < 0 ? std::string() : Text(name);
  }
  [[nodiscard]] std::string Staple() const override {
    gnutls_datum_t der{};
    return gnutls_ocsp_status_request_get(session_, &der) < 0 ? std::string() : Text(der);
  }
  [[nodiscard]] std::string ServerFingerprint() const override {
    unsigned count = 0;
    const gnutls_datum_t* const peers = gnutls_certificate_get_peers(session_, &count);
    std::array<char, 32> hash{};
    std::size_t size = hash.size();
    Require(peers == nullptr ? -1 : gnutls_fingerprint(GNUTLS_DIG_SHA256, peers, hash.data(), &size),
            "print");
    return {hash.data(), size};
  }
  [[nodiscard]] std::string Session() override {
    if ((gnutls_session_get_flags(session_) & GNUTLS_SFLAGS_SESSION_TICKET) == 0) return {};
    gnutls_datum_t data{};
    Require(gnutls_session_get_data2(session_, &data), "session");
    std::string text = Text(data);
    gnutls_free(data.data);
    return text;
  }

 private:
  static std::string Text(const gnutls_datum_t& datum) {
    return {reinterpret_cast<const char*>(datum.data), datum.size};
  }

  void Check(int result, const char* what) {
    if (result == GNUTLS_E_FATAL_ALERT_RECEIVED) {
      const auto alert = gnutls_alert_get(session_);
      alert_ = gnutls_alert_get_strname(alert);  // GNUTLS_A_PROTOCOL_VERSION
      alert_.erase(0, std::string("GNUTLS_A_").size());
      std::transform(alert_.begin(), alert_.end(), alert_.begin(),
                     [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    }
    Require(result, what);
  }

  void SetCertificates(const ClientOptions& options) {
    if (!options.authority.empty()) {
      const gnutls_datum_t authority = Datum(options.authority);
      Require(gnutls_certificate_set_x509_trust_mem(credentials_, &authority, GNUTLS_X509_FMT_PEM), "trust");
      gnutls_session_set_verify_cert(session_, nullptr, 0);
    }
    if (options.chain.empty()) return;
    const gnutls_datum_t chain = Datum(options.chain);
    const gnutls_datum_t key = Datum(options.key);
    Require(gnutls_certificate_set_x509_key_mem2(credentials_, &chain, &key, GNUTLS_X509_FMT_PEM, nullptr,
                                                 GNUTLS_PKCS_PLAIN),
            "certificate");
  }

  static ssize_t Pull(gnutls_transport_ptr_t self, void* bytes, std::size_t size) {
    auto& client = *static_cast<GnutlsClient*>(self);
    if (client.in_.empty()) {
      gnutls_transport_set_errno(client.session_, EAGAIN);
      return -1;
    }
    const std::size_t given = std::min(size, client.in_.size());
    std::copy_n(client.in_.begin(), given, static_cast<std::byte*>(bytes));
    client.in_.erase(client.in_.begin(), client.in_.begin() + static_cast<long>(given));
    return static_cast<ssize_t>(given);
  }

  static ssize_t Push(gnutls_transport_ptr_t self, const void* bytes, std::size_t size) {
    const auto* const from = static_cast<const std::byte*>(bytes);
    auto& out = static_cast<GnutlsClient*>(self)->out_;
    out.insert(out.end(), from, from + size);
    return static_cast<ssize_t>(size);
  }

  gnutls_certificate_credentials_t credentials_ = nullptr;
  gnutls_session_t session_ = nullptr;
  Bytes in_;
  Bytes out_;
  std::string alert_;
  int updates_ = 0;
  bool saw_close_ = false;
};

}  // namespace

std::unique_ptr<TlsClient> MakeGnutlsClient(const ClientOptions& options) {
  return std::make_unique<GnutlsClient>(options);
}

}  // namespace preforkd::testing
