// ModuleDeclaration: what a module says about itself before it serves, as plain data: a copy of its table
// (worker/api/module.h). A process that is thrown away opens the module and sends this; the master never
// opens one.
//
// It comes from a user's file: nothing in it is trusted. LoadConfig checks the settings before it uses them.
#ifndef PREFORKD_COMMON_CONFIG_MODULE_DECLARATION_H_
#define PREFORKD_COMMON_CONFIG_MODULE_DECLARATION_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/call_sets.h"
#include "common/config/module_file.h"
#include "common/config/setting.h"

namespace preforkd {

// The service type whose services are modules, and the key that names the file.
inline constexpr std::string_view kModuleType = "module";
inline constexpr std::string_view kModulePath = "path";
// Keys that only a module with a preload has.
inline constexpr std::string_view kPreloadMax = "preload_max";
inline constexpr std::string_view kPreloadTimeout = "preload_timeout";

enum class ModuleKind : std::uint8_t {
  kEvent,     // HTTP; its handlers run in the loop thread
  kBlocking,  // HTTP; its handlers run in application threads
  kProtocol,  // a protocol of its own
};

struct ModuleCounter {
  std::string name;  // lower-case letters, digits and '_'
  std::string help;  // one line

  bool operator==(const ModuleCounter&) const = default;
};

struct ModuleDeclaration {
  std::string name;
  std::string version;  // may be empty
  ModuleKind kind = ModuleKind::kEvent;
  bool client_speaks_first = true;  // always true for HTTP
  CallSets system_calls{};          // besides those that every worker has
  std::vector<Setting> settings{};  // its own keys
  std::vector<ModuleCounter> counters{};
  bool preload = false;  // it loads something once that its workers share
  // The file that declares this. None: a previous program opened it (upgrade).
  ModuleFile file{};

  bool operator==(const ModuleDeclaration&) const = default;
};

// What a process says of the memory that it has filled for the workers. Not trusted.
struct PreloadReport {
  std::uint64_t used = 0;  // bytes from the beginning
  std::uint64_t root = 0;  // where the data begins, counted from the beginning
  std::string module;      // which file of the module has made it (ModuleMark)

  bool operator==(const PreloadReport&) const = default;
};

}  // namespace preforkd

#endif
