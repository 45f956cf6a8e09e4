// Reads a configuration from its four sources, each winning over the next: flags, environment, file,
// defaults. Checks all of it and reports every problem, not just the first.
//
// Runs in the master only, at start, for --check and at each reload. Never ends the process.
#ifndef PREFORKD_COMMON_CONFIG_CONFIG_LOADER_H_
#define PREFORKD_COMMON_CONFIG_CONFIG_LOADER_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/config/config.h"
#include "common/config/setting.h"

namespace preforkd {

// One `key.path = value` that does not come from the file.
struct ConfigOverride {
  std::string source;  // what the user wrote, for messages: "--workers", "--set", "PREFORKD_WORKERS"
  std::string key;     // "workers", "dispatch.policy", "service.site.root"
  std::string value;   // as text; parsed by the type of the key

  bool operator==(const ConfigOverride&) const = default;
};

struct ConfigInputs {
  std::string file;                         // empty: no file
  std::optional<std::string> text;          // read instead of the file, which is only named in messages then
  std::vector<ConfigOverride> environment;  // see EnvironmentOverrides
  std::vector<ConfigOverride> flags;
  std::vector<std::string> listen;  // --listen: replace the file's listeners
  std::string service_type;         // --service: type of the service that --listen uses; "" = default_type
  std::string root;                 // --root: root of that service
  std::string default_type;         // of the service that there is without a file
  std::vector<ServiceDeclaration> service_types;  // the types that this program has
};

struct ConfigProblem {
  std::string where;  // "FILE:LINE:COL", or the flag, or the variable
  std::string text;   // what is wrong, and what would be right

  [[nodiscard]] std::string Text() const { return where + ": " + text; }
};

struct ConfigOutcome {
  std::shared_ptr<const Config> config;  // null exactly when there are problems
  std::vector<ConfigProblem> problems;
  std::vector<ConfigProblem> warnings;  // of a configuration that can be used
};

// Without a file there is one service, "default", and one listener unless `listen` names others. With a file,
// `listen` replaces the file's listeners; the new ones use the service "default", the file's if it has one.
ConfigOutcome LoadConfig(const ConfigInputs& inputs);

// The variables of `environment` (NULL-terminated, as environ) that start with PREFORKD_. `key` is what
// follows in lower case, "dispatch_max_queue": which key that names depends on the services, and only
// LoadConfig knows them. One that names none is a problem there.
std::vector<ConfigOverride> EnvironmentOverrides(const char* const* environment);

// The whole effective configuration as TOML that LoadConfig reads back to the same values.
std::string PrintConfig(const Config& config);

}  // namespace preforkd

#endif
