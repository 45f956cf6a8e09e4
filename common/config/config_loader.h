// Reads a configuration from its four sources; each wins over the next: flags, environment, file, defaults.
// Checks all of it and reports every problem, not just the first.
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
  std::string source;  // as the user wrote it, for messages: "--workers", "--set", "PREFORKD_WORKERS"
  std::string key;     // "workers", "dispatch.policy", "service.site.root"
  std::string value;   // unparsed; the type of the key says how to parse it

  bool operator==(const ConfigOverride&) const = default;
};

struct ConfigInputs {
  std::string file;                         // empty: no file
  std::optional<std::string> text;          // read instead of the file; messages still name `file`
  std::vector<ConfigOverride> environment;  // see EnvironmentOverrides
  std::vector<ConfigOverride> flags;
  std::vector<std::string> listen;  // --listen: replace the file's listeners
  std::string service_type;         // --service: type of the service that --listen uses; empty: default_type
  std::string root;                 // --root: root of that service
  std::string default_type;         // type of the only service when there is no file
  std::vector<ServiceDeclaration> service_types;  // the types that this program has
};

struct ConfigProblem {
  std::string where;  // "FILE:LINE:COL", the flag, or the variable
  std::string text;   // what is wrong, and what to write instead

  [[nodiscard]] std::string Text() const { return where + ": " + text; }
};

struct ConfigOutcome {
  std::shared_ptr<const Config> config;  // null if and only if there are problems
  std::vector<ConfigProblem> problems;
  std::vector<ConfigProblem> warnings;  // about a configuration that is accepted
};

// Without a file there is one service, "default", and one listener unless `listen` names others. With a file,
// `listen` replaces the file's listeners; the new ones use the service "default", which the file may define.
ConfigOutcome LoadConfig(const ConfigInputs& inputs);

// The variables of `environment` (NULL-terminated, as environ) that start with PREFORKD_. `key` is the rest
// of the name in lower case, "dispatch_max_queue". Only LoadConfig can tell which key that is, because it
// knows the services; a name that is no key becomes a problem there.
std::vector<ConfigOverride> EnvironmentOverrides(const char* const* environment);

// The whole effective configuration as TOML, which LoadConfig reads back to the same values.
std::string PrintConfig(const Config& config);

}  // namespace preforkd

#endif
