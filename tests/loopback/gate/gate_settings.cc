#include "tests/loopback/gate/gate_settings.h"

#include <stdexcept>
#include <utility>

namespace preforkd::testing {
namespace {

// As a gate does behind the fork; the library counts the calls.
void PrepareGnutls() {
  if (gnutls_global_init() < 0) throw std::runtime_error("gnutls_global_init");
}

}  // namespace

GateFiles FilesOf(const TestCertificate& certificate) { return {certificate.pem, certificate.key}; }

SecretBytes Secret(std::string_view text) { return {text.begin(), text.end()}; }

Result<CertificateStore> MakeStore(const std::vector<GateFiles>& files, TlsConfig config,
                                   const std::string& client_ca) {
  PrepareGnutls();
  KeyMaterial material;
  for (const GateFiles& each : files) {
    const std::string number = std::to_string(config.certificates.size() + 1);
    config.certificates.push_back({"chain" + number + ".pem", "key" + number + ".pem",
                                   each.staple.empty() ? "" : "ocsp" + number + ".der"});
    material.certificates.push_back({Secret(each.chain), Secret(each.key), Secret(each.staple)});
  }
  config.client_ca = "clients.pem";
  material.client_ca = Secret(client_ca);
  return CertificateStore::Make(config, std::move(material));
}

GateSettings MakeSettings(const std::vector<GateFiles>& files, const TlsConfig& config,
                          std::optional<TicketPage> tickets, const std::string& client_ca) {
  Result<CertificateStore> store = MakeStore(files, config, client_ca);
  if (!store.Ok()) throw std::runtime_error(store.Err().text);
  Result<GateSettings> settings = GateSettings::Make(config, std::move(store).Value(), std::move(tickets));
  if (!settings.Ok()) throw std::runtime_error(settings.Err().text);
  return std::move(settings).Value();
}

GateSettings MakeSettings(const TlsConfig& config, std::optional<TicketPage> tickets,
                          const std::string& client_ca) {
  return MakeSettings({FilesOf(EcCertificate()), FilesOf(RsaCertificate())}, config, std::move(tickets),
                      client_ca);
}

}  // namespace preforkd::testing
