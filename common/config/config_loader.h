// Reads a configuration from its four sources; each wins over the next: flags, environment, file, defaults.
// Checks all of it and reports every problem, not just the first.
//
// Runs in the master only, at start, for --check and at each reload. Never ends the process.
#ifndef PREFORKD_COMMON_CONFIG_CONFIG_LOADER_H_
#define PREFORKD_COMMON_CONFIG_CONFIG_LOADER_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/about/about.h"
#include "common/base/result.h"
#include "common/config/config.h"
#include "common/config/module_declaration.h"
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
  std::vector<std::string> module_files;          // --module: served by a service each
  std::string default_type;                       // type of the only service when there is no file
  std::vector<ServiceDeclaration> service_types;  // the types that this program has
  // What is known of the modules, by path: see ConfigOutcome::modules_wanted.
  std::map<std::string, Result<ModuleDeclaration>> modules;
};

// A module that the configuration names and ConfigInputs::modules does not have.
struct ModuleWanted {
  std::string path;
  std::string service;  // the first service that names it
  std::string where;    // what sets the path: "FILE:LINE:COL", the flag, or the variable
  // What opening it needs: that service with only its path and its file, its pool, and the log. Never null.
  std::shared_ptr<const Config> config;
};

struct ConfigProblem {
  std::string where;  // "FILE:LINE:COL", the flag, or the variable
  std::string text;   // what is wrong, and what to write instead

  [[nodiscard]] std::string Text() const { return where + ": " + text; }
};

// What sets the files of one [[tls.certificate]]: "FILE:LINE:COL" each.
struct CertificatePlaces {
  std::string chain;
  std::string key;
  std::string ocsp;
};

struct ConfigOutcome {
  std::shared_ptr<const Config> config;  // null if and only if there are problems, or modules are wanted
  std::vector<ConfigProblem> problems;
  std::vector<ConfigProblem> warnings;  // about a configuration that is accepted
  // Each path once. The keys of their services were not judged: open them, add what they declare or why they
  // cannot be opened to ConfigInputs::modules, and call LoadConfig again. LoadConfig itself runs no code of a
  // module. Not listed: a module in a pool whose keys have problems, because it must not be opened as another
  // user than the pool's.
  std::vector<ModuleWanted> modules_wanted;
  // Where to report what is wrong in the files of config->tls, in the order of its certificates. LoadConfig
  // does not open them.
  std::vector<CertificatePlaces> certificate_places;
  std::string client_ca_place;
  // By service: where the module of each is named, "FILE:LINE:COL: service.shop.path". For problems that show
  // only when a worker starts it.
  std::map<std::string, std::string> module_places;
};

// Without a file there is one service, "default", and one listener unless `listen` names others. With a file,
// `listen` replaces the file's listeners; the new ones use the service "default", which the file may define.
// With `module_files` there is a service for each instead, named after the file; the first `listen` is for
// the first of them, and so on. A single one has all of `listen`.
ConfigOutcome LoadConfig(const ConfigInputs& inputs);

// The variables of `environment` (NULL-terminated, as environ) that start with PREFORKD_. `key` is the rest
// of the name in lower case, "dispatch_max_queue". Only LoadConfig can tell which key that is, because it
// knows the services; a name that is no key becomes a problem there.
std::vector<ConfigOverride> EnvironmentOverrides(const char* const* environment);

// The whole effective configuration as TOML, which LoadConfig reads back to the same values.
std::string PrintConfig(const Config& config);

// Of what reads the file.
LibraryVersion TomlLibrary();

}  // namespace preforkd

#endif
