#include "worker/gate/certificate_store.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace preforkd {
namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& each : lower)
    if (each >= 'A' && each <= 'Z') each = static_cast<char>(each - 'A' + 'a');
  return lower;
}

// The credentials of sets of certificates; each set is made once.
class CredentialsMaker {
 public:
  CredentialsMaker(const TlsConfig& config, const std::vector<Certificate>& certificates,
                   const SecretBytes& client_ca)
      : config_(config), certificates_(certificates), client_ca_(client_ca) {}

  Result<CredentialsHandle> Get(const std::vector<std::size_t>& numbers) {
    if (const auto made = made_.find(numbers); made != made_.end()) return made->second;
    Result<CredentialsHandle> credentials = Make(numbers);
    if (credentials.Ok()) made_.emplace(numbers, credentials.Value());
    return credentials;
  }

 private:
  Result<CredentialsHandle> Make(const std::vector<std::size_t>& numbers) const {
    gnutls_certificate_credentials_t credentials = nullptr;
    if (const int result = gnutls_certificate_allocate_credentials(&credentials); result < 0)
      return GnutlsError("gnutls_certificate_allocate_credentials", result);
    CredentialsHandle owner(credentials, FreeGnutls());
    gnutls_certificate_set_flags(credentials, GNUTLS_CERTIFICATE_API_V2);  // results are indexes
    for (const std::size_t number : numbers) {
      if (const Status status = certificates_[number].AddTo(credentials); !status.Ok()) return status.Err();
    }
    if (config_.client_certificates == ClientCertificates::kOff) return owner;
    const gnutls_datum_t pem = DatumOf(client_ca_);
    const int count = gnutls_certificate_set_x509_trust_mem(credentials, &pem, GNUTLS_X509_FMT_PEM);
    if (count > 0) return owner;
    return Error{fmt::format("{}: no certificate in PEM is in it", config_.client_ca)};
  }

  const TlsConfig& config_;
  const std::vector<Certificate>& certificates_;
  const SecretBytes& client_ca_;
  std::map<std::vector<std::size_t>, CredentialsHandle> made_;
};

}  // namespace

Result<CertificateStore> CertificateStore::Make(const TlsConfig& config, KeyMaterial material) {
  std::vector<Certificate> certificates;
  std::map<std::string, Numbers> numbers;
  CertificateStore store;
  for (std::size_t i = 0; i < config.certificates.size(); ++i) {
    Result<Certificate> certificate =
        Certificate::Read(config.certificates[i], std::move(material.certificates[i]));
    if (!certificate.Ok()) return certificate.Err();
    for (const std::string& name : certificate.Value().Names()) {
      Numbers& of_name = numbers[name];
      if (of_name.empty() || of_name.back() != i) of_name.push_back(i);
    }
    store.facts_.push_back(certificate.Value().Facts());
    certificates.push_back(std::move(certificate).Value());
  }
  if (certificates.empty()) return Error{"there is no [[tls.certificate]]"};
  CredentialsMaker maker(config, certificates, material.client_ca);
  for (const auto& [name, of_name] : numbers) {
    Result<CredentialsHandle> credentials = maker.Get(of_name);
    if (!credentials.Ok()) return credentials.Err();
    store.by_name_[name] = credentials.Value();
  }
  // The first one, together with those of the same first name.
  const std::vector<std::string>& names = certificates.front().Names();
  Result<CredentialsHandle> first = maker.Get(names.empty() ? Numbers{0} : numbers[names.front()]);
  if (!first.Ok()) return first.Err();
  store.default_ = std::move(first).Value();
  return store;
}

const CredentialsHandle& CertificateStore::Find(std::string_view server_name) const {
  const std::string name = Lower(server_name);
  if (const auto exact = by_name_.find(name); exact != by_name_.end()) return exact->second;
  const std::size_t dot = name.find('.');
  if (dot == std::string::npos) return default_;
  const auto wildcard = by_name_.find("*" + name.substr(dot));
  return wildcard != by_name_.end() ? wildcard->second : default_;
}

}  // namespace preforkd
