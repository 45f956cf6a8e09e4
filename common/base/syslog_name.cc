#include "common/base/syslog_name.h"

#include <algorithm>

namespace preforkd::log {
namespace {

constexpr std::string_view kPrefix = "syslog:";
constexpr int kFirstLocal = 16;

}  // namespace

bool MeansSyslog(std::string_view name) { return name == "syslog" || name.starts_with(kPrefix); }

int FacilityOf(std::string_view name) {
  const std::string_view facility = name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : "daemon";
  const std::vector<std::string>& names = FacilityNames();
  const auto found = std::find(names.begin(), names.end(), facility);
  if (found == names.end()) return -1;
  const auto index = static_cast<int>(found - names.begin());
  // Numbers 12 to 15 have no name that all systems agree on.
  constexpr int kNamedBeforeLocal = 12;
  return index < kNamedBeforeLocal ? index : index - kNamedBeforeLocal + kFirstLocal;
}

const std::vector<std::string>& FacilityNames() {
  static const std::vector<std::string> names = {
      "kern",     "user", "mail",   "daemon", "auth",   "syslog", "lpr",    "news",   "uucp",   "cron",
      "authpriv", "ftp",  "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"};
  return names;
}

}  // namespace preforkd::log
