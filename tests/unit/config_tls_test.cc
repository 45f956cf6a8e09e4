// TLS in the configuration: keys, certificates, the pool of gates, and errors. The files themselves are not
// looked at here.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "common/config/config_loader.h"
#include "common/config/keys.h"
#include "tests/unit/config_files.h"

namespace preforkd::testing {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kListener =
    "[[listen]]\naddress = \"127.0.0.1:443\"\nservice = \"s\"\ntls = true\n";              // lines 1 to 4
constexpr const char* kService = "[service.s]\ntype = \"echo\"\n";                         // 5, 6
constexpr const char* kCertificate = "[[tls.certificate]]\nchain = \"c\"\nkey = \"k\"\n";  // 7 to 9

std::string Whole(const std::string& more) {
  return std::string(kListener) + kService + kCertificate + more;  // `more` begins at line 10
}

void CheckProblemAt(const std::string& text, const std::string& position, const std::string& says) {
  const TempFile file(text);
  CAPTURE(text);
  CheckOnlyProblem(LoadConfig(InputsFor(file.path())), file.path() + ":" + position, says);
}

void CheckWarning(const std::string& text, const std::string& position, const std::string& says) {
  const TempFile file(text);
  CAPTURE(text);
  const ConfigOutcome outcome = LoadConfig(InputsFor(file.path()));
  REQUIRE_MESSAGE(outcome.config != nullptr, ProblemText(outcome));
  REQUIRE(outcome.warnings.size() == 1);
  CHECK(outcome.warnings[0].where == file.path() + ":" + position);
  CHECK(outcome.warnings[0].text.find(says) != std::string::npos);
}

std::vector<std::string> PoolsOf(const Config& config) {
  std::vector<std::string> names;
  for (const PoolConfig& pool : config.pools) names.push_back(pool.name);
  return names;
}

constexpr const char* kEveryKey = R"([tls]
min_version = "1.3"
ciphers = "aes-256-gcm, chacha20-poly1305"
curves = "x25519"
client_certificates = "required"
client_ca = "/etc/ca.pem"
handshake_timeout = "3s"
ticket_lifetime = "0"
[[tls.certificate]]
chain = "a.pem"
key = "a.key"
ocsp = "a.der"
[[tls.certificate]]
chain = "b.pem"
key = "b.key"
[pool.front]
kind = "tls"
workers = 3
user = "root"
max_requests = 9
)";

}  // namespace

TEST_CASE("every key of TLS is read, and printed so that it is read again") {
  const Config config = Loaded(LoadText(std::string(kListener) + kService + kEveryKey));
  const TlsConfig& tls = config.tls;
  CHECK(tls.min_version == TlsVersion::k13);
  CHECK(tls.ciphers == 0b110);
  CHECK(tls.curves == 0b001);
  CHECK(tls.client_certificates == ClientCertificates::kRequired);
  CHECK(tls.client_ca == "/etc/ca.pem");
  CHECK(tls.handshake_timeout == seconds(3));
  CHECK(tls.ticket_lifetime == Duration(0));
  CHECK(tls.certificates ==
        std::vector<CertificateConfig>{{"a.pem", "a.key", "a.der"}, {"b.pem", "b.key", ""}});
  CHECK(config.listen[0].tls);
  REQUIRE(config.Gates() != nullptr);
  CHECK(config.Gates()->name == "front");
  CHECK(config.Gates()->workers == 3);
  CHECK(config.Gates()->supervision.max_requests == 9);
  CHECK(PoolsOf(config) == std::vector<std::string>{"main", "front"});
  CHECK(Loaded(LoadText(PrintConfig(config))) == config);
}

TEST_CASE("the defaults of TLS, and the pool that is made") {
  const Config config = Loaded(LoadText("user = \"root\"\n" + Whole("")));
  const TlsConfig& tls = config.tls;
  CHECK(tls.min_version == TlsVersion::k12);
  CHECK(tls.ciphers == 0b111);
  CHECK(tls.curves == 0b111);
  CHECK(tls.client_certificates == ClientCertificates::kOff);
  CHECK(tls.handshake_timeout == seconds(10));
  CHECK(tls.ticket_lifetime == hours(24));
  REQUIRE(config.Gates() != nullptr);
  CHECK(config.Gates()->name == "gates");
  CHECK(config.Gates()->workers == 2);
  CHECK(config.Gates()->workers_max == 2);
  CHECK(config.Gates()->user == "root");
  const std::string text = PrintConfig(config);
  CAPTURE(text);
  CHECK(Loaded(LoadText(text)) == config);
  CHECK(PrintConfig(Loaded(LoadText(text))) == text);
}

TEST_CASE("without a listener with TLS there are no gates") {
  const Config plain = Loaded(LoadText(kMinimal));
  CHECK(plain.Gates() == nullptr);
  CHECK(plain.tls == TlsConfig{});
  CheckWarning(std::string(kMinimal) + "[pool.front]\nkind = \"tls\"\n", "7:1",
               "[pool.front] is not started: no [[listen]] has tls = true");
  const Config without = Loaded(LoadText(std::string(kMinimal) + "[pool.front]\nkind = \"tls\"\n"));
  CHECK(PoolsOf(without) == std::vector<std::string>{"main"});
  CheckWarning(std::string(kMinimal) + kCertificate, "6:1", "[[tls.certificate]] is not used");
}

TEST_CASE("the words of choices are those of the bits") {
  for (const auto& [name, count] : {std::pair("tls.ciphers", 3U), std::pair("tls.curves", 3U)}) {
    const Key<Config>* key = FindKey(TopKeys(), name);
    REQUIRE(key != nullptr);
    CHECK(key->setting.words.size() == count);
  }
}

TEST_CASE("problems of TLS are reported at their place") {
  const std::string no_certificate = std::string(kListener) + kService;
  CheckProblemAt(no_certificate, "4:1", "listen.tls: there is no certificate; write [[tls.certificate]]");
  CheckProblemAt(no_certificate + "[[tls.certificate]]\nchain = \"c\"\n", "7:1",
                 "[[tls.certificate]] has no key; write key = \"FILE.pem\"");
  CheckProblemAt(no_certificate + "[[tls.certificate]]\nkey = \"k\"\n", "7:1",
                 "[[tls.certificate]] has no chain");
  CheckProblemAt(Whole("chian = \"x\"\n"), "10:1",
                 "unknown key 'chian' in [[tls.certificate]]; did you mean 'chain'?");
  CheckProblemAt(Whole("ocsp = 3\n"), "10:1", "tls.certificate.ocsp: 3 does not fit; write text in quotes");
  CheckProblemAt(Whole("[tls]\nminversion = \"1.2\"\n"), "11:1",
                 "unknown key 'tls.minversion'; did you mean 'tls.min_version'?");
  CheckProblemAt(Whole("[tls]\nmin_version = \"1.1\"\n"), "11:1", "write '1.2' or '1.3'");
  CheckProblemAt(Whole("[tls]\nciphers = \"aes-128-gcm, rc4\"\n"), "11:1", "'rc4' does not fit");
  CheckProblemAt(Whole("[tls]\nciphers = \"\"\n"), "11:1", "tls.ciphers: must not be empty");
  CheckProblemAt(Whole("[tls]\ncurves = \"\"\n"), "11:1", "tls.curves: must not be empty");
  CheckProblemAt(Whole("[tls]\nhandshake_timeout = \"99ms\"\n"), "11:1", "write 100ms to 10m");
  CheckProblemAt(Whole("[tls]\nticket_lifetime = \"169h\"\n"), "11:1", "write 0 to 168h");
  CheckProblemAt(Whole("[tls]\nclient_certificates = \"required\"\n"), "11:1",
                 "tls.client_certificates: needs the authorities that sign them; write client_ca");
  CheckWarning(Whole("[tls]\nclient_ca = \"x\"\n"), "11:1", "tls.client_ca: is not used");
  CheckProblemAt(
      std::string(kMinimal) + "[tls.certificate]\nchain = \"c\"\n", "6:6",
      "'tls.certificate' is a list of sections; write [[tls.certificate]] before each certificate");
}

TEST_CASE("problems of the pool of gates") {
  CheckProblemAt(Whole("[pool.gates]\nworkers = 2\n[service.t]\ntype = \"echo\"\npool = \"gates\"\n"), "10:7",
                 "[pool.gates] has the name of the pool that makes TLS handshakes; write kind = \"tls\"");
  CheckProblemAt(Whole("[pool.front]\nkind = \"tls\"\n[service.t]\ntype = \"echo\"\npool = \"front\"\n"),
                 "14:1", "service.t.pool: [pool.front] makes TLS handshakes and serves nothing");
  CheckProblemAt(Whole("[pool.a]\nkind = \"tls\"\n[pool.b]\nkind = \"tls\"\n"), "13:1",
                 "pool.b.kind: [pool.a] is of this kind already; write one such pool");
  CheckProblemAt(Whole("[pool.main]\nkind = \"tls\"\n"), "11:1", "pool.main.kind: the pool main serves");
  // Its name is free when another pool is of that kind.
  const Config config = Loaded(LoadText(
      Whole("[pool.front]\nkind = \"tls\"\n[pool.gates]\n[service.t]\ntype = \"echo\"\npool = \"gates\"\n")));
  CHECK(config.Gates()->name == "front");
}

TEST_CASE("flags and variables set keys of TLS, and no certificates") {
  const TempFile file(Whole(""));
  ConfigInputs inputs = InputsFor(file.path());
  inputs.flags = {{"--set", "tls.min_version", "1.3"}, {"--set", "pool.gates.workers", "4"}};
  const char* const variables[] = {"PREFORKD_TLS_HANDSHAKE_TIMEOUT=300ms", nullptr};
  inputs.environment = EnvironmentOverrides(variables);
  SUBCASE("keys") {
    inputs.flags.pop_back();
    const Config config = Loaded(LoadConfig(inputs));
    CHECK(config.tls.min_version == TlsVersion::k13);
    CHECK(config.tls.handshake_timeout == milliseconds(300));
  }
  SUBCASE("a certificate") {
    inputs.flags = {{"--set", "tls.certificate.chain", "x"}};
    CheckOnlyProblem(LoadConfig(inputs), "--set", "a certificate is not set by key");
  }
  SUBCASE("a certificate as a variable") {
    inputs.flags.clear();
    const char* const chain[] = {"PREFORKD_TLS_CERTIFICATE_CHAIN=x", nullptr};
    inputs.environment = EnvironmentOverrides(chain);
    CheckOnlyProblem(LoadConfig(inputs), "PREFORKD_TLS_CERTIFICATE_CHAIN", "a certificate is not set by key");
  }
}

TEST_CASE("there is a limit for certificates, and their places are known") {
  std::string many;
  for (std::size_t i = 0; i < kMaxCertificates; ++i) many += kCertificate;
  CheckProblemAt(Whole(many), "775:1", "there are 257 certificates; write 256 at most");
  const TempFile file(Whole("[[tls.certificate]]\nkey = \"k\"\nchain = \"d\"\n"));
  const ConfigOutcome outcome = LoadConfig(InputsFor(file.path()));
  REQUIRE(outcome.certificate_places.size() == 2);
  CHECK(outcome.certificate_places[0].chain == file.path() + ":8:1");
  CHECK(outcome.certificate_places[1].key == file.path() + ":11:1");
  CHECK(outcome.certificate_places[1].ocsp == file.path() + ":10:1");
}

}  // namespace preforkd::testing
