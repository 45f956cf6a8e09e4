#include "worker/http/access/access_rules.h"

#include <algorithm>
#include <utility>

#include "common/text/escape.h"
#include "worker/http/access/credentials.h"

namespace preforkd {
namespace {

Status CheckNetwork(const std::string& text) {
  const Result<Network> network = ParseNetwork(text);
  return network.Ok() ? Status() : network.Err();
}

// It is sent in a field of the response.
Status CheckRealm(const std::string& text) {
  const bool control = std::any_of(text.begin(), text.end(), IsControl);
  return control ? Error{"has a control character; write plain text"} : Status();
}

std::vector<Setting> MakeTable() {
  return {
      {.name = "allow",
       .kind = SettingKind::kTexts,
       .doc = "networks whose clients may use it, such as 10.0.0.0/8; empty: all",
       .more =
           "An address, a prefix, unix (clients of Unix sockets) or all. Others get 403. The address is the "
           "client's, behind the PROXY protocol the one in its header.",
       .check = &CheckNetwork},
      {.name = "deny",
       .kind = SettingKind::kTexts,
       .doc = "networks whose clients may not; the longest prefix of both lists decides",
       .more = "If the same prefix is in both lists, it denies.",
       .check = &CheckNetwork},
      {.name = "basic_auth",
       .kind = SettingKind::kFile,
       .doc = "file of users and passwords, as htpasswd -B writes it; empty: none is asked for",
       .more =
           "Hashes of bcrypt, yescrypt, and crypt with SHA-512 or SHA-256. Each worker reads it as its user "
           "when it starts: a change takes effect at a reload. With allow or deny both must agree. Without "
           "TLS a password travels in the clear.",
       .check = &http::CheckPasswordFile},
      {.name = "realm",
       .min = "1",
       .max = "255",
       .fallback = "restricted",
       .doc = "what a browser shows when it asks for that password",
       .check = &CheckRealm},
  };
}

std::string ChallengeOf(const std::string& realm) {
  std::string challenge = "Basic realm=\"";
  for (const char c : realm) {
    if (c == '"' || c == '\\') challenge += '\\';
    challenge += c;
  }
  return challenge + "\", charset=\"UTF-8\"";
}

}  // namespace

const std::vector<Setting>& AccessSettingTable() {
  static const std::vector<Setting> table = MakeTable();
  return table;
}

namespace http {

Result<AccessRules> AccessRules::Make(const Settings& settings, PasswordFiles& files) {
  AccessRules rules;
  rules.networks = NetworkRules(settings.Texts("allow"), settings.Texts("deny"));
  const std::string& path = settings.Text("basic_auth");
  if (path.empty()) return rules;
  rules.challenge = ChallengeOf(settings.Text("realm"));
  std::shared_ptr<const PasswordFile>& file = files[path];
  if (file == nullptr) {
    Result<PasswordFile> read = PasswordFile::Read(path);
    if (!read.Ok()) return Error{"basic_auth: " + read.Err().text, read.Err().errnum};
    file = std::make_shared<const PasswordFile>(std::move(read).Value());
  }
  rules.passwords = file;
  return rules;
}

Access Decide(const AccessRules& rules, const HttpRequest& request) {
  if (!rules.networks.AllowAll() && !rules.networks.Allows(HostAddress::Of(*request.peer)))
    return Access::kForbidden;
  if (rules.passwords == nullptr) return Access::kAllowed;
  return Credentials::Of(request) ? Access::kMustVerify : Access::kNoCredentials;
}

}  // namespace http
}  // namespace preforkd
