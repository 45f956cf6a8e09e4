#include "tests/support/tls_client.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>

#include <array>
#include <cstdio>
#include <stdexcept>
#include <utility>

namespace preforkd::testing {
namespace {

std::runtime_error Failure(const char* what) {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_get_error(), text.data(), text.size());
  return std::runtime_error(std::string(what) + ": " + text.data());
}

void OnKeyLog(const SSL* ssl, const char* line) {
  static_cast<std::string*>(SSL_get_app_data(ssl))->append(line).append("\n");
}

template <typename T, void (*free)(T*)>
struct Freer {
  void operator()(T* object) const { free(object); }
};

}  // namespace

// Without "sent", OpenSSL takes the end for a failure, and the session cannot be resumed with its ticket.
void TlsClient::Closer::operator()(ssl_st* ssl) const {
  SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN);
  SSL_free(ssl);
}
void TlsClient::Closer::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

TlsClient::TlsClient(const std::string& address, const TlsOptions& options)
    : tcp_(address), context_(SSL_CTX_new(TLS_client_method())), key_log_(std::make_unique<std::string>()) {
  if (context_ == nullptr) throw Failure("SSL_CTX_new");
  // OpenSSL writes without MSG_NOSIGNAL: a server that has reset the connection would end the test.
  ::signal(SIGPIPE, SIG_IGN);
  SSL_CTX_set_keylog_callback(context_.get(), OnKeyLog);
  // With a cache, OpenSSL uses a ticket of TLS 1.3 once only, whichever client has the session.
  SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_OFF);
  ssl_.reset(SSL_new(context_.get()));
  if (ssl_ == nullptr) throw Failure("SSL_new");
  SSL_set_app_data(ssl_.get(), key_log_.get());
  if (options.max_version != 0) SSL_set_max_proto_version(ssl_.get(), options.max_version);
  if (!options.suite.empty() && SSL_set_ciphersuites(ssl_.get(), options.suite.c_str()) != 1 &&
      SSL_set_cipher_list(ssl_.get(), options.suite.c_str()) != 1)
    throw Failure("an unknown suite");
  if (!options.server_name.empty()) SSL_set_tlsext_host_name(ssl_.get(), options.server_name.c_str());
  if (options.session != nullptr) SSL_set_session(ssl_.get(), options.session);
  if (!options.preface.empty() && !tcp_.SendAll(options.preface))
    throw std::runtime_error("preface not sent");
  SSL_set_fd(ssl_.get(), tcp_.Fd());
  if (SSL_connect(ssl_.get()) != 1) throw Failure("SSL_connect");
}

TlsClient::TlsClient(TlsClient&&) noexcept = default;
TlsClient& TlsClient::operator=(TlsClient&&) noexcept = default;
TlsClient::~TlsClient() = default;

bool TlsClient::Send(std::string_view bytes) {
  return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) ==
         static_cast<int>(bytes.size());
}

bool TlsClient::Fill() {
  std::array<char, 16384> bytes{};
  const int size = SSL_read(ssl_.get(), bytes.data(), bytes.size());
  if (size <= 0) return false;
  buffer_.append(bytes.data(), static_cast<std::size_t>(size));
  return true;
}

std::optional<std::string> TlsClient::ReadUntil(std::string_view delimiter) {
  for (;;) {
    const std::size_t place = buffer_.find(delimiter);
    if (place != std::string::npos) return ReadExactly(place + delimiter.size());
    if (!Fill()) return std::nullopt;
  }
}

std::optional<std::string> TlsClient::ReadExactly(std::size_t size) {
  while (buffer_.size() < size) {
    if (!Fill()) return std::nullopt;
  }
  std::string bytes = buffer_.substr(0, size);
  buffer_.erase(0, size);
  return bytes;
}

std::optional<std::string> TlsClient::ReadAvailable() {
  pollfd waiting{tcp_.Fd(), POLLIN, 0};
  while (SSL_has_pending(ssl_.get()) == 1 || ::poll(&waiting, 1, 0) > 0) {
    if (!Fill()) return std::nullopt;
  }
  return std::exchange(buffer_, {});
}

std::optional<HttpResponse> TlsClient::Get(const std::string& target) {
  if (!Send("GET " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n")) return std::nullopt;
  const std::optional<std::string> head = ReadUntil("\r\n\r\n");
  if (!head || head->size() < 12) return std::nullopt;
  HttpResponse response;
  response.status = std::stoi(head->substr(9, 3));
  for (std::size_t at = head->find("\r\n") + 2; at + 2 < head->size();) {
    const std::size_t end = head->find("\r\n", at);
    const std::size_t colon = head->find(':', at);
    std::string name = head->substr(at, colon - at);
    for (char& each : name) each = static_cast<char>(std::tolower(static_cast<unsigned char>(each)));
    response.headers[name] = head->substr(colon + 2, end - colon - 2);
    at = end + 2;
  }
  const std::optional<std::string> body = ReadExactly(std::stoul("0" + response.headers["content-length"]));
  if (!body) return std::nullopt;
  response.body = *body;
  return response;
}

bool TlsClient::UpdateKeys() {
  return SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_REQUESTED) == 1 && SSL_do_handshake(ssl_.get()) == 1;
}

bool TlsClient::IsClosedInOrder() {
  return buffer_.empty() && !Fill() && SSL_get_shutdown(ssl_.get()) == SSL_RECEIVED_SHUTDOWN;
}

bool TlsClient::Resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
std::string TlsClient::Version() const { return SSL_get_version(ssl_.get()); }
std::shared_ptr<ssl_session_st> TlsClient::Session() const {
  return {SSL_get1_session(ssl_.get()), SSL_SESSION_free};
}

void MakeTestCertificate(const std::string& folder, const std::string& name, const std::string& dns_name,
                         int days, TestKey kind) {
  const std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY, EVP_PKEY_free>> key(
      kind == TestKey::kEc ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048));
  const std::unique_ptr<X509, Freer<X509, X509_free>> certificate(X509_new());
  if (key == nullptr || certificate == nullptr) throw Failure("EVP_EC_gen");
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -24L * 3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), days * 24L * 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* const subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(dns_name.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), subject);
  const std::string names = "DNS:" + dns_name;
  const std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION, X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str()));
  X509_add_ext(certificate.get(), extension.get(), -1);
  if (X509_sign(certificate.get(), key.get(), EVP_sha256()) == 0) throw Failure("X509_sign");
  const auto write = [&](const std::string& path, const auto& put) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "w"), std::fclose);
    if (file == nullptr || put(file.get()) != 1) throw Failure(path.c_str());
  };
  write(folder + "/" + name + ".crt",
        [&](std::FILE* file) { return PEM_write_X509(file, certificate.get()); });
  write(folder + "/" + name + ".key", [&](std::FILE* file) {
    return PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

int Answered(std::vector<TlsClient>& clients) {
  int answered = 0;
  for (TlsClient& client : clients) {
    const auto response = client.Get("/");
    answered += response && response->status == 200 ? 1 : 0;
  }
  return answered;
}

}  // namespace preforkd::testing
