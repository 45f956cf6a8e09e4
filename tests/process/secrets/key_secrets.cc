#include "tests/process/secrets/key_secrets.h"

#include <fmt/core.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string_view>

#include "tests/support/temp_directory.h"

namespace preforkd::testing {
namespace {

template <typename T, void (*free)(T*)>
struct Freer {
  void operator()(T* object) const { free(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY, EVP_PKEY_free>>;
using Number = std::unique_ptr<BIGNUM, Freer<BIGNUM, BN_clear_free>>;

// ---- private keys ----

Key ReadKey(const std::string& pem) {
  const std::unique_ptr<BIO, Freer<BIO, BIO_free_all>> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  if (key == nullptr) throw std::runtime_error("not a private key in PEM");
  return key;
}

std::string BytesOf(const Key& key, const char* name) {
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(key.get(), name, &raw) != 1)
    throw std::runtime_error(std::string("the key has no ") + name);
  const Number number(raw);
  std::string bytes(static_cast<std::size_t>(BN_num_bytes(raw)), '\0');
  BN_bn2bin(raw, reinterpret_cast<unsigned char*>(bytes.data()));
  return bytes;
}

std::vector<const char*> NamesOf(const Key& key) {
  if (EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_EC) return {OSSL_PKEY_PARAM_PRIV_KEY};
  return {OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_FACTOR1,   OSSL_PKEY_PARAM_RSA_FACTOR2,
          OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1};
}

// The part of a PEM text that encodes `bytes`, with its line ends. A little less at both ends, where a
// character also has bits of what is beside it, which may be public.
std::string TextOf(const std::string& pem, const std::string& bytes) {
  const std::size_t begin = pem.find('\n') + 1;
  const std::string body = pem.substr(begin, pem.find("-----END", begin) - begin);
  std::string letters = body;
  letters.erase(std::remove(letters.begin(), letters.end(), '\n'), letters.end());
  std::string der(letters.size(), '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(der.data()),
                                   reinterpret_cast<const unsigned char*>(letters.data()),
                                   static_cast<int>(letters.size()));
  const std::size_t at = size < 0 ? std::string::npos : der.find(bytes);
  if (at == std::string::npos) throw std::runtime_error("the number is not in the file as it is");
  const std::size_t line = body.find('\n') + 1;  // with its end
  const auto place = [&](std::size_t letter) { return letter + letter / (line - 1); };
  const std::size_t first = place((at + 3) * 4 / 3);
  return body.substr(first, place((at + bytes.size() - 3) * 4 / 3) - first);
}

// ---- TLS ----

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return bytes;
}

struct Suite {
  const EVP_MD* hash;
  std::size_t key;
};

Suite SuiteOf(const TlsClient& client) {
  const SSL_CIPHER* const cipher = SSL_get_current_cipher(client.Raw());
  const EVP_CIPHER* const evp = EVP_get_cipherbynid(SSL_CIPHER_get_cipher_nid(cipher));
  return {SSL_CIPHER_get_handshake_digest(cipher), static_cast<std::size_t>(EVP_CIPHER_get_key_length(evp))};
}

std::string Derive(const char* kdf, const std::vector<OSSL_PARAM>& params, std::size_t size) {
  const std::unique_ptr<EVP_KDF, Freer<EVP_KDF, EVP_KDF_free>> algorithm(
      EVP_KDF_fetch(nullptr, kdf, nullptr));
  const std::unique_ptr<EVP_KDF_CTX, Freer<EVP_KDF_CTX, EVP_KDF_CTX_free>> context(
      EVP_KDF_CTX_new(algorithm.get()));
  std::string out(size, '\0');
  if (EVP_KDF_derive(context.get(), reinterpret_cast<unsigned char*>(out.data()), size, params.data()) != 1)
    throw std::runtime_error(std::string("cannot derive with ") + kdf);
  return out;
}

OSSL_PARAM Octets(const char* name, std::string& bytes) {
  return OSSL_PARAM_construct_octet_string(name, bytes.data(), bytes.size());
}
OSSL_PARAM Text(const char* name, const char* text) {
  return OSSL_PARAM_construct_utf8_string(name, const_cast<char*>(text), 0);
}

// HKDF-Expand-Label with an empty context (RFC 8446, 7.1).
std::string Expand(const Suite& suite, std::string secret, const std::string& label, std::size_t size) {
  const std::string full = "tls13 " + label;
  std::string info{static_cast<char>(size >> 8), static_cast<char>(size), static_cast<char>(full.size())};
  info += full + '\0';
  return Derive(
      "HKDF",
      {Text(OSSL_KDF_PARAM_MODE, "EXPAND_ONLY"), Text(OSSL_KDF_PARAM_DIGEST, EVP_MD_get0_name(suite.hash)),
       Octets(OSSL_KDF_PARAM_KEY, secret), Octets(OSSL_KDF_PARAM_INFO, info), OSSL_PARAM_construct_end()},
      size);
}

void AddDirection(const Suite& suite, const std::string& name, const std::string& secret, Secrets& secrets) {
  secrets.push_back({name + " secret", secret});
  secrets.push_back({name + " key", Expand(suite, secret, "key", suite.key)});
  secrets.push_back({name + " iv", Expand(suite, secret, "iv", 12)});
}

struct LogLine {
  std::string label;
  std::string secret;
};

std::vector<LogLine> KeyLog(const TlsClient& client) {
  std::vector<LogLine> lines;
  std::istringstream words(client.KeyLog());
  std::string random;
  std::string hex;
  for (LogLine line; words >> line.label >> random >> hex;) {
    line.secret = FromHex(hex);
    lines.push_back(line);
  }
  if (lines.empty()) throw std::runtime_error("the key log is empty");
  return lines;
}

// RFC 5246, 6.3, without the keys for a MAC.
void AddTls12(const TlsClient& client, const std::string& name, std::string master, Secrets& secrets) {
  const Suite suite = SuiteOf(client);
  std::string seed(2 * SSL3_RANDOM_SIZE, '\0');
  auto* const place = reinterpret_cast<unsigned char*>(seed.data());
  SSL_get_server_random(client.Raw(), place, SSL3_RANDOM_SIZE);
  SSL_get_client_random(client.Raw(), place + SSL3_RANDOM_SIZE, SSL3_RANDOM_SIZE);
  std::string label = "key expansion";
  const std::string block = Derive(
      "TLS1-PRF",
      {Text(OSSL_KDF_PARAM_DIGEST, EVP_MD_get0_name(suite.hash)), Octets(OSSL_KDF_PARAM_SECRET, master),
       Octets(OSSL_KDF_PARAM_SEED, label), Octets(OSSL_KDF_PARAM_SEED, seed), OSSL_PARAM_construct_end()},
      2 * suite.key);
  secrets.push_back({name + " master secret", master});
  secrets.push_back({name + " client key", block.substr(0, suite.key)});
  secrets.push_back({name + " server key", block.substr(suite.key)});
}

}  // namespace

Secrets PrivateKeySecrets(const std::string& path) {
  const std::string pem = ReadFile(path);
  const Key key = ReadKey(pem);
  Secrets secrets;
  for (const char* const name : NamesOf(key)) {
    std::string number = BytesOf(key, name);
    secrets.push_back({std::string(name) + " in PEM", TextOf(pem, number)});
    secrets.push_back({std::string(name) + " in DER", number});
    std::reverse(number.begin(), number.end());  // as libraries keep it, with its lowest bytes first
    secrets.push_back({std::string(name) + " as a number", number});
  }
  return secrets;
}

Secrets TrafficSecrets(const TlsClient& client, const std::string& name) {
  Secrets secrets;
  for (const LogLine& line : KeyLog(client)) {
    const std::string full = fmt::format("{} {} {}", name, SSL_get_cipher_name(client.Raw()), line.label);
    if (line.label == "CLIENT_RANDOM") {
      AddTls12(client, full, line.secret, secrets);
    } else if (line.label.find("TRAFFIC_SECRET") != std::string::npos) {
      AddDirection(SuiteOf(client), full, line.secret, secrets);
    }
  }
  return secrets;
}

Secrets UpdatedSecrets(const TlsClient& client, const std::string& name, int updates) {
  const Suite suite = SuiteOf(client);
  Secrets secrets;
  for (const LogLine& line : KeyLog(client)) {
    if (line.label.find("_TRAFFIC_SECRET_0") == std::string::npos) continue;
    std::string secret = line.secret;
    for (int i = 0; i < updates; ++i) secret = Expand(suite, secret, "traffic upd", secret.size());
    AddDirection(suite, fmt::format("{} update {} of {}", name, updates, line.label), secret, secrets);
  }
  return secrets;
}

}  // namespace preforkd::testing
