// Who may, as far as it is known without a check of a password.
#include "worker/http/access/access_rules.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>

#include <cstring>
#include <string>
#include <vector>

#include "common/config/setting_value.h"
#include "tests/unit/config_files.h"
#include "tests/unit/http/users.h"

namespace preforkd::http::testing {
namespace {

using preforkd::testing::kUsersFile;
using preforkd::testing::TempFile;

struct Text {
  const char* name;
  std::string value;
};

Settings Written(const std::vector<Text>& texts) {
  Settings settings(AccessSettingTable());
  for (const auto& [name, value] : texts) {
    Result<SettingValue> read =
        ReadValue(settings.Find(name)->setting, {preforkd::Written::Kind::kWord, value});
    REQUIRE_MESSAGE(read.Ok(), value);
    settings.Set(name, std::move(read).Value());
  }
  return settings;
}

AccessRules Rules(const std::vector<Text>& texts) {
  PasswordFiles files;
  Result<AccessRules> rules = AccessRules::Make(Written(texts), files);
  REQUIRE(rules.Ok());
  return std::move(rules).Value();
}

Access DecideFor(const AccessRules& rules, const std::string& host, const std::string& authorization = {}) {
  SocketAddress peer;
  if (!host.empty()) {
    sockaddr_in four{};
    four.sin_family = AF_INET;
    REQUIRE(::inet_pton(AF_INET, host.c_str(), &four.sin_addr) == 1);
    std::memcpy(&peer.storage, &four, sizeof(four));
    peer.length = sizeof(four);
  }
  const HttpField field{"Authorization", authorization};
  HttpRequest request;
  request.peer = &peer;
  if (!authorization.empty()) request.fields = {&field, 1};
  return Decide(rules, request);
}

TEST_CASE("the declaration can be used, and its defaults allow everybody") {
  CHECK(CheckSettings(AccessSettingTable(), {}).Ok());
  CHECK(AccessRules().ForAll());
  const AccessRules rules = Rules({});
  CHECK(rules.ForAll());
  CHECK(DecideFor(rules, "192.0.2.1") == Access::kAllowed);
  CHECK(DecideFor(rules, "", "Basic YTpi") == Access::kAllowed);
}

TEST_CASE("networks, then credentials") {
  const TempFile users(kUsersFile, "users");
  const AccessRules both =
      Rules({{"allow", "10.0.0.0/8, unix"}, {"deny", "10.1.0.0/16"}, {"basic_auth", users.path()}});
  CHECK_FALSE(both.ForAll());
  CHECK(DecideFor(both, "192.0.2.1", "Basic YTpi") == Access::kForbidden);
  CHECK(DecideFor(both, "10.1.0.1", "Basic YTpi") == Access::kForbidden);
  CHECK(DecideFor(both, "10.0.0.1") == Access::kNoCredentials);
  CHECK(DecideFor(both, "10.0.0.1", "Bearer x") == Access::kNoCredentials);
  CHECK(DecideFor(both, "10.0.0.1", "Basic YTpi") == Access::kMustVerify);
  CHECK(DecideFor(both, "", "Basic YTpi") == Access::kMustVerify);
  const AccessRules networks = Rules({{"deny", "10.0.0.0/8"}});
  CHECK(DecideFor(networks, "10.0.0.1") == Access::kForbidden);
  CHECK(DecideFor(networks, "11.0.0.1") == Access::kAllowed);
  const AccessRules passwords = Rules({{"basic_auth", users.path()}});
  CHECK_FALSE(passwords.ForAll());
  CHECK(DecideFor(passwords, "11.0.0.1") == Access::kNoCredentials);
}

TEST_CASE("the challenge names the realm, whatever is in it") {
  const TempFile users(kUsersFile, "users");
  CHECK(Rules({{"basic_auth", users.path()}}).challenge == "Basic realm=\"restricted\", charset=\"UTF-8\"");
  CHECK(Rules({{"basic_auth", users.path()}, {"realm", "a \"b\" \\c"}}).challenge ==
        "Basic realm=\"a \\\"b\\\" \\\\c\", charset=\"UTF-8\"");
}

TEST_CASE("places share a file of users") {
  const TempFile users(kUsersFile, "users");
  PasswordFiles files;
  const Settings settings = Written({{"basic_auth", users.path()}});
  const AccessRules one = AccessRules::Make(settings, files).Value();
  const AccessRules two = AccessRules::Make(settings, files).Value();
  CHECK(one.passwords == two.passwords);
  CHECK(files.size() == 1);
}

TEST_CASE("what is refused when the configuration is read, and when a worker starts") {
  const auto problem = [](const char* name, const std::string& value) {
    const Settings settings(AccessSettingTable());
    const Result<SettingValue> read =
        ReadValue(settings.Find(name)->setting, {preforkd::Written::Kind::kWord, value});
    return read.Ok() ? "" : read.Err().text;
  };
  CHECK(problem("allow", "10.0.0.1/8").find("write 10.0.0.0/8 for the network") != std::string::npos);
  CHECK(problem("deny", "::1, example.org").find("'example.org' is not a network") != std::string::npos);
  CHECK(problem("realm", "a\nb") == "has a control character; write plain text");
  CHECK(problem("realm", "") == "must not be empty");
  PasswordFiles files;
  const Result<AccessRules> missing = AccessRules::Make(Written({{"basic_auth", "/no/such"}}), files);
  REQUIRE_FALSE(missing.Ok());
  CHECK(missing.Err().text.find("basic_auth: '/no/such': ") == 0);
}

}  // namespace
}  // namespace preforkd::http::testing
