// sslscan and testssl.sh judge: no finding above "low". testssl.sh looks at a part here; with TLS_SCAN=whole
// at everything it knows (tests/tls_judges).
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/judges/judged_server.h"
#include "tests/support/temp_directory.h"

namespace preforkd::testing {
namespace {

using Json = nlohmann::json;
using std::chrono::minutes;

// A certificate as authorities make it: a scanner judges that, too.
void MakeOrdinarySite(const TestKeys& keys) {
  keys.Make("authority", {.names = {"authority"}, .authority = true});
  keys.Make("site",
            {.names = {"localhost"}, .days = 89, .by = "authority", .ocsp_uri = "http://localhost/ocsp"});
}

std::vector<std::string> Parts() {
  if (const char* how = std::getenv("TLS_SCAN"); how != nullptr && std::string_view(how) == "whole")
    return {};
  return {"--protocols",     "--server-preference", "--server-defaults", "--headers", "--heartbleed",
          "--ccs-injection", "--renegotiation",     "--compression",     "--breach",  "--tls-fallback"};
}

}  // namespace

TEST_CASE("sslscan finds two versions, good suites, and nothing to complain about") {
  const std::string sslscan = Judge("sslscan", "sslscan");
  if (sslscan.empty()) return;
  const TestKeys keys;
  MakeOrdinarySite(keys);
  JudgedServer server(keys);
  const CommandResult result =
      RunCommand({sslscan, "--no-colour", "--xml=-", "--sni-name=localhost", server.Web()}, minutes(2));
  CAPTURE(result.out);
  REQUIRE(result.code == 0);
  std::set<std::string> versions;
  for (const std::string& line : LinesWith(result.out, "<protocol ")) {
    if (line.find("enabled=\"1\"") == std::string::npos) continue;
    const std::size_t at = line.find("version=\"") + 9;
    versions.insert(line.substr(at, line.find('"', at) - at));
  }
  CHECK(versions == std::set<std::string>{"1.2", "1.3"});
  CHECK(LinesWith(result.out, "<heartbleed ").size() == 2);
  CHECK(LinesWith(result.out, "vulnerable=\"1\"").empty());
  CHECK(LinesWith(result.out, "<renegotiation supported=\"1\"").empty());
  CHECK(LinesWith(result.out, "<compression supported=\"1\"").empty());
  const std::size_t suites = LinesWith(result.out, "<cipher ").size();
  CHECK(suites == 6);
  CHECK(LinesWith(result.out, "strength=\"strong\"").size() +
            LinesWith(result.out, "strength=\"acceptable\"").size() ==
        suites);
  CHECK(LinesWith(result.out, "<self-signed>false").size() == 1);
  CHECK(LinesWith(result.out, "<expired>false").size() == 1);
}

TEST_CASE("testssl.sh finds nothing above low") {
  const std::string testssl = Judge("testssl", "testssl.sh");
  if (testssl.empty()) return;
  const TestKeys keys;
  MakeOrdinarySite(keys);
  JudgedServer server(keys);
  const TempDirectory folder;
  std::vector<std::string> words = {testssl,      "--quiet",
                                    "--warnings", "batch",
                                    "--color",    "0",
                                    "-n",         "none",
                                    "--ip",       "127.0.0.1",
                                    "--add-ca",   keys.Path("authority.pem"),
                                    "--jsonfile", folder.Path("findings.json")};
  const std::vector<std::string> parts = Parts();
  words.insert(words.end(), parts.begin(), parts.end());
  words.push_back("https://localhost:" + server.WebPort());
  const CommandResult result = RunCommand(words, minutes(10));
  CAPTURE(result.out);
  CAPTURE(result.err);
  const Json findings = Json::parse(ReadFile(folder.Path("findings.json")), nullptr, false);
  REQUIRE(findings.is_array());
  std::map<std::string, int> severities;
  for (const Json& finding : findings) {
    const std::string severity = finding.value("severity", "");
    ++severities[severity];
    // It did not find out: its s_client has left before the ticket came, for example.
    if (severity == "WARN") MESSAGE(finding.dump());
    const bool good = severity == "OK" || severity == "INFO" || severity == "LOW" || severity == "WARN";
    CHECK_MESSAGE(good, finding.dump());
  }
  std::string all;
  for (const auto& [severity, count] : severities) all += fmt::format(" {} {}", severity, count);
  MESSAGE("testssl.sh:", all);
  CHECK(severities["OK"] > 15);  // it has looked at something
}

}  // namespace preforkd::testing
