#include "worker/gate/certificate.h"

#include <fmt/core.h>
#include <gnutls/ocsp.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <tuple>
#include <utility>

namespace preforkd {
namespace {

constexpr unsigned kMaxChain = 16;
// GnuTLS sends a response that does not name its end for so long.
constexpr std::int64_t kStapleSeconds = 15 * 24 * 60 * 60;

std::string Lower(std::string text) {
  for (char& each : text)
    if (each >= 'A' && each <= 'Z') each = static_cast<char>(each - 'A' + 'a');
  return text;
}

// Calls `print` with a datum that it fills, and takes that over.
template <typename Print>
std::string Printed(Print print) {
  gnutls_datum_t text{};
  if (print(&text) < 0) return {};
  std::string copy(reinterpret_cast<const char*>(text.data), text.size);
  gnutls_free(text.data);
  return copy;
}

std::string CommonName(gnutls_x509_crt_t certificate) {
  std::array<char, 256> name{};
  std::size_t size = name.size();
  if (gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name.data(), &size) < 0)
    return {};
  return {name.data(), size};
}

std::vector<std::string> NamesOf(gnutls_x509_crt_t certificate) {
  std::vector<std::string> names;
  for (unsigned i = 0;; ++i) {
    std::array<char, 256> name{};
    std::size_t size = name.size();
    const int type = gnutls_x509_crt_get_subject_alt_name(certificate, i, name.data(), &size, nullptr);
    if (type == GNUTLS_E_SHORT_MEMORY_BUFFER) continue;  // longer than any DNS name
    if (type < 0) break;                                 // behind the last, or none that can be read
    if (type == GNUTLS_SAN_DNSNAME) names.push_back(Lower({name.data(), size}));
  }
  if (!names.empty()) return names;
  if (std::string name = CommonName(certificate); !name.empty()) names.push_back(Lower(std::move(name)));
  return names;
}

std::string FingerprintOf(gnutls_x509_crt_t certificate) {
  std::array<unsigned char, 32> hash{};
  std::size_t size = hash.size();
  std::string text;
  if (gnutls_x509_crt_get_fingerprint(certificate, GNUTLS_DIG_SHA256, hash.data(), &size) < 0) return text;
  for (const unsigned char byte : hash) text += fmt::format("{:02x}", byte);
  return text;
}

// What our list of signatures (handshake.cc) can use.
bool IsUsableKey(int algorithm) {
  return algorithm == GNUTLS_PK_RSA || algorithm == GNUTLS_PK_ECDSA || algorithm == GNUTLS_PK_EDDSA_ED25519;
}

// The position, from 1, of the first certificate of a PEM text that cannot be read.
unsigned FirstUnreadable(std::string_view pem) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  constexpr std::string_view kCertificate = "CERTIFICATE-----";
  unsigned position = 0;
  for (std::size_t at = pem.find(kBegin); at != std::string_view::npos; at = pem.find(kBegin, at + 1)) {
    const std::string_view rest = pem.substr(at, pem.find(kBegin, at + 1) - at);
    if (rest.substr(0, rest.find('\n')).find(kCertificate) == std::string_view::npos) continue;
    ++position;
    gnutls_x509_crt_t raw = nullptr;
    if (gnutls_x509_crt_init(&raw) < 0) break;
    const CertificateHandle certificate(raw);
    const gnutls_datum_t text = DatumOf(rest);
    if (gnutls_x509_crt_import(raw, &text, GNUTLS_X509_FMT_PEM) < 0) break;
  }
  return position;
}

std::string KeyOf(gnutls_x509_crt_t certificate) {
  unsigned bits = 0;
  const int algorithm = gnutls_x509_crt_get_pk_algorithm(certificate, &bits);
  const char* const name =
      algorithm < 0 ? nullptr : gnutls_pk_algorithm_get_name(static_cast<gnutls_pk_algorithm_t>(algorithm));
  return fmt::format("{} {}", name == nullptr ? "?" : name, bits);
}

}  // namespace

Result<Certificate> Certificate::Read(const CertificateConfig& files, KeyMaterial::Certificate contents,
                                      CertificatePart* part) {
  Certificate certificate;
  CertificatePart at = CertificatePart::kChain;
  Status status = certificate.ReadChain(files, contents.chain);
  if (status.Ok()) status = certificate.CheckOrder(files);
  if (status.Ok()) {
    at = CertificatePart::kKey;
    status = certificate.ReadKey(files, contents.key);
  }
  certificate.ocsp_ = std::move(contents.ocsp);
  if (status.Ok()) {
    at = CertificatePart::kOcsp;
    status = certificate.ReadStaple(files);
  }
  if (part != nullptr) *part = at;
  if (!status.Ok()) return status.Err();
  certificate.ReadFacts(files);
  return certificate;
}

Status Certificate::ReadChain(const CertificateConfig& files, const SecretBytes& pem) {
  chain_.reserve(kMaxChain);  // so that nothing throws before all that was read is owned
  std::array<gnutls_x509_crt_t, kMaxChain> read{};
  unsigned count = kMaxChain;
  const gnutls_datum_t text = DatumOf(pem);
  const int result = gnutls_x509_crt_list_import(read.data(), &count, &text, GNUTLS_X509_FMT_PEM,
                                                 GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED);
  if (result == GNUTLS_E_SHORT_MEMORY_BUFFER)
    return Error{fmt::format("{}: more than {} certificates", files.chain, kMaxChain)};
  if (result < 0) {
    const unsigned position = FirstUnreadable({pem.data(), pem.size()});
    if (position == 0) return Error{fmt::format("{}: no certificate in PEM is in it", files.chain)};
    return Error{
        fmt::format("{}: certificate {} cannot be read: {}", files.chain, position, gnutls_strerror(result))};
  }
  for (int i = 0; i < result; ++i) chain_.emplace_back(read.at(static_cast<std::size_t>(i)));
  if (chain_.empty()) return Error{fmt::format("{}: no certificate in PEM is in it", files.chain)};
  return {};
}

Status Certificate::CheckOrder(const CertificateConfig& files) const {
  for (std::size_t i = 1; i < chain_.size(); ++i) {
    if (gnutls_x509_crt_check_issuer(chain_[i - 1].get(), chain_[i].get()) != 0) continue;
    return Error{
        fmt::format("{}: certificate {} is not the issuer of certificate {}; the server's own comes first, "
                    "each one's issuer behind it",
                    files.chain, i + 1, i)};
  }
  return {};
}

Status Certificate::ReadKey(const CertificateConfig& files, const SecretBytes& pem) {
  gnutls_x509_privkey_t key = nullptr;
  if (const int result = gnutls_x509_privkey_init(&key); result < 0)
    return GnutlsError("gnutls_x509_privkey_init", result);
  key_.reset(key);
  const gnutls_datum_t text = DatumOf(pem);
  const int result = gnutls_x509_privkey_import2(key, &text, GNUTLS_X509_FMT_PEM, nullptr, 0);
  if (result == GNUTLS_E_DECRYPTION_FAILED)
    return Error{fmt::format("{}: the key is encrypted; write one without a passphrase", files.key)};
  if (result < 0)
    return Error{fmt::format("{}: no private key in PEM is in it ({})", files.key, gnutls_strerror(result))};
  gnutls_certificate_credentials_t trial = nullptr;
  if (const int made = gnutls_certificate_allocate_credentials(&trial); made < 0)
    return GnutlsError("gnutls_certificate_allocate_credentials", made);
  const CredentialsHandle owner(trial, FreeGnutls());
  gnutls_x509_crt_t first = chain_.front().get();
  const int fits = gnutls_certificate_set_x509_key(trial, &first, 1, key);
  if (fits == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
    return Error{fmt::format("{}: is not the key of certificate 1 of {}", files.key, files.chain)};
  if (fits < 0) return Error{fmt::format("{}: {}", files.key, gnutls_strerror(fits))};
  if (!IsUsableKey(gnutls_x509_crt_get_pk_algorithm(first, nullptr)))
    return Error{fmt::format("{}: certificate 1 has a key of type {}; use EC, RSA or Ed25519", files.chain,
                             KeyOf(first))};
  return {};
}

Status Certificate::ReadStaple(const CertificateConfig& files) {
  if (files.ocsp.empty()) return {};
  gnutls_ocsp_resp_t response = nullptr;
  if (const int made = gnutls_ocsp_resp_init(&response); made < 0)
    return GnutlsError("gnutls_ocsp_resp_init", made);
  const gnutls_datum_t der = DatumOf(ocsp_);
  int result = gnutls_ocsp_resp_import(response, &der);
  if (result >= 0) result = gnutls_ocsp_resp_check_crt(response, 0, chain_.front().get());
  unsigned status = 0;
  time_t since = 0;
  time_t until = 0;
  if (result >= 0)
    result = gnutls_ocsp_resp_get_single(response, 0, nullptr, nullptr, nullptr, nullptr, &status, &since,
                                         &until, nullptr, nullptr);
  gnutls_ocsp_resp_deinit(response);
  facts_.staple = files.ocsp;
  facts_.staple_ends = until == static_cast<time_t>(-1) ? since + kStapleSeconds : until;
  if (status == GNUTLS_OCSP_CERT_REVOKED) facts_.staple_ends = 0;
  if (result >= 0) return {};
  return Error{fmt::format("{}: is not an OCSP response in DER for certificate 1 of {} ({})", files.ocsp,
                           files.chain, gnutls_strerror(result))};
}

void Certificate::ReadFacts(const CertificateConfig& files) {
  gnutls_x509_crt_t own = chain_.front().get();
  facts_.chain = files.chain;
  facts_.names = NamesOf(own);
  facts_.subject = Printed([&](gnutls_datum_t* text) { return gnutls_x509_crt_get_dn3(own, text, 0); });
  facts_.issuer = Printed([&](gnutls_datum_t* text) { return gnutls_x509_crt_get_issuer_dn3(own, text, 0); });
  facts_.key = KeyOf(own);
  facts_.fingerprint = FingerprintOf(own);
  facts_.not_before = gnutls_x509_crt_get_activation_time(own);
  facts_.not_after = gnutls_x509_crt_get_expiration_time(own);
  for (std::size_t i = 1; i < chain_.size(); ++i) {
    const auto position = static_cast<std::uint32_t>(i + 1);
    const std::int64_t starts = gnutls_x509_crt_get_activation_time(chain_[i].get());
    const std::int64_t ends = gnutls_x509_crt_get_expiration_time(chain_[i].get());
    if (starts > facts_.not_before)
      std::tie(facts_.not_before, facts_.starts_last) = std::pair(starts, position);
    if (ends < facts_.not_after) std::tie(facts_.not_after, facts_.ends_first) = std::pair(ends, position);
  }
}

Status Certificate::AddTo(gnutls_certificate_credentials_t credentials) const {
  std::array<gnutls_x509_crt_t, kMaxChain> chain{};
  for (std::size_t i = 0; i < chain_.size(); ++i) chain.at(i) = chain_[i].get();
  const int index =
      gnutls_certificate_set_x509_key(credentials, chain.data(), static_cast<int>(chain_.size()), key_.get());
  if (index < 0) return GnutlsError("gnutls_certificate_set_x509_key", index);
  if (ocsp_.empty()) return {};
  const gnutls_datum_t der = DatumOf(ocsp_);
  const int result = gnutls_certificate_set_ocsp_status_request_mem(
      credentials, &der, static_cast<unsigned>(index), GNUTLS_X509_FMT_DER);
  // It has ended, or says that the certificate was revoked: GnuTLS does not take it. The master says so
  // (staple_ends); a gate that did not start would end the service.
  if (result == GNUTLS_E_EXPIRED) return {};
  if (result < 0) return GnutlsError("gnutls_certificate_set_ocsp_status_request_mem", result);
  return {};
}

}  // namespace preforkd
