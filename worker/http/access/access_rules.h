// AccessRules: who may use a service, or a place of it: clients from some networks, and users with a
// password. Both must agree. A plain value: it is read once, when the service starts.
// AccessGuard (access_guard.h) applies it to each request.
#ifndef PREFORKD_WORKER_HTTP_ACCESS_ACCESS_RULES_H_
#define PREFORKD_WORKER_HTTP_ACCESS_ACCESS_RULES_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/config/setting.h"
#include "common/net/network.h"
#include "worker/http/access/password_file.h"
#include "worker/http/syntax/request.h"

namespace preforkd {

// What a type or a table that limits access declares: allow, deny, basic_auth and realm.
const std::vector<Setting>& AccessSettingTable();

namespace http {

// Those that were read for one service: many of its places share one.
using PasswordFiles = std::map<std::string, std::shared_ptr<const PasswordFile>>;

struct AccessRules {
  // Everybody may.
  AccessRules() = default;
  // Precondition: `settings` contains those of the table. Error: the file of the users cannot be used.
  static Result<AccessRules> Make(const Settings& settings, PasswordFiles& files);

  [[nodiscard]] bool ForAll() const { return networks.AllowAll() && passwords == nullptr; }

  NetworkRules networks;
  std::shared_ptr<const PasswordFile> passwords;  // nullptr: no password is asked for
  std::string challenge;                          // the value of WWW-Authenticate
};

enum class Access {
  kAllowed,
  kForbidden,      // its address is not allowed: 403
  kNoCredentials,  // 401
  kMustVerify,     // it has a user and a password
};

// Whether the request may be answered, as far as that is known at once. Pure.
Access Decide(const AccessRules& rules, const HttpRequest& request);

}  // namespace http
}  // namespace preforkd

#endif
