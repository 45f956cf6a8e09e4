#include "tests/judges/judged_server.h"

#include <doctest/doctest.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cstdlib>

#include "tests/support/config_text.h"
#include "tests/support/pool_kill.h"
#include "tests/support/wait_until.h"

namespace preforkd::testing {

std::string Judge(const std::string& program, const std::string& package) {
  std::string path = "/usr/bin/" + program;
  if (::access(path.c_str(), X_OK) == 0) return path;
  if (std::getenv("TESTS_MAY_NOT_SKIP") != nullptr)
    FAIL("no ", program, ", and here no test is skipped; the package is ", package);
  MESSAGE("skipped: needs ", program, " (package ", package, ")");
  return {};
}

void MakeSite(const TestKeys& keys) {
  keys.Make("authority", {.names = {"authority"}, .authority = true});
  keys.Make("site", {.names = {"localhost"}, .by = "authority"});
}

JudgedServer::JudgedServer(const TestKeys& keys, const JudgedOptions& options) : daemon_(options.binary) {
  ConfigSettings web = {{"hsts", "9600h"}};
  if (!options.root.empty()) web.push_back({"root", options.root});
  ConfigText config;
  config.Workers(2)
      .Set("parking.after", "50ms")
      .Set("log.access", daemon_.Path("access.log"))
      .Set("log.access_format", "json")
      .Listen("web", "127.0.0.1:0", {{"tls", true}})
      .Listen("lines", "127.0.0.3:0", {{"tls", true}})
      .Listen("ops", "127.0.0.2:0")
      .Service("web", "http", web)
      .Service("lines", "echo")
      .Service("ops", "status")
      .Pool("gates", {{"kind", "tls"}, {"workers", 2}, {"workers_max", 2}});
  if (!options.client_certificates.empty()) {
    config.Set("tls.client_certificates", options.client_certificates)
        .Set("tls.client_ca", keys.Path("authority.pem"));
  }
  // An array of tables, which ConfigText does not write.
  std::string text = config.Text();
  std::vector<std::string> names = {"site"};
  names.insert(names.end(), options.certificates.begin(), options.certificates.end());
  for (const std::string& name : names) {
    text += fmt::format("\n[[tls.certificate]]\nchain = \"{}\"\nkey = \"{}\"\n", keys.Path(name + ".pem"),
                        keys.Path(name + ".key"));
    if (name == "site" && !options.staple.empty()) text += fmt::format("ocsp = \"{}\"\n", options.staple);
  }
  daemon_.WriteConfig(text);
  daemon_.Serve(4);
}

std::string JudgedServer::PortOf(const std::string& address) {
  return address.substr(address.rfind(':') + 1);
}

std::string JudgedServer::Url(const std::string& target) const {
  return fmt::format("https://localhost:{}{}", WebPort(), target);
}

std::vector<std::string> JudgedServer::AccessLines(std::size_t count) const {
  std::vector<std::string> lines;
  REQUIRE(WaitUntil(kTimeout, [&] {
    lines = preforkd::testing::Lines(ReadFile(daemon_.Path("access.log")));
    return lines.size() >= count;
  }));
  return lines;
}

void JudgedServer::Kill(const std::string& pool) { KillPool(daemon_, pool, 2, 4); }

bool SeatedJudge::Shows(const std::string& text) {
  CAPTURE(client_.Written());
  const bool shows = client_.Shows(text);
  CHECK(shows);
  return shows;
}

bool SeatedJudge::Gets(const std::string& target) {
  client_.Type("GET " + target + " HTTP/1.1\nHost: localhost\n\n");
  return Shows("HTTP/1.1 200 OK") && Shows("the end");
}

}  // namespace preforkd::testing
