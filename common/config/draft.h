// Draft: a configuration while it is put together: the values of each source, in order, with the place of
// each.
//
// The file, the environment and the flags are collected one after the other. Then the tables of keys read
// them, and the result is checked. A value that cannot be used becomes a problem and leaves the previous
// value, so that everything after it is still checked. For LoadConfig only.
#ifndef PREFORKD_COMMON_CONFIG_DRAFT_H_
#define PREFORKD_COMMON_CONFIG_DRAFT_H_

#include <fmt/core.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/config/config_loader.h"
#include "common/config/keys.h"
#include "common/config/setting_value.h"

namespace preforkd {

// A place that a problem can point at: a line of the file, a flag, or a variable.
struct Origin {
  std::string source;
  std::uint32_t line = 0;  // 0: not in a file; otherwise line and column count from 1
  std::uint32_t column = 0;

  // "FILE:LINE:COL", "--workers".
  [[nodiscard]] std::string Text() const;
  bool operator==(const Origin&) const = default;
};

// What is served without a file and without --listen.
inline constexpr const char* kDefaultAddress = "127.0.0.1:8080";

// The origin of a value that no source sets.
inline const Origin kByDefault = {"default"};

// The problems found, so that one run shows all of them, up to a maximum: a file of another format has an
// error in each line, and a master that reloads is busy meanwhile.
class Problems {
 public:
  // The same text at the same place is reported once.
  template <typename... Args>
  void Add(const Origin& origin, fmt::format_string<Args...> text, Args&&... args) {
    AddText(origin, fmt::format(text, std::forward<Args>(args)...));
  }
  [[nodiscard]] bool None() const { return found_.empty(); }
  // Further problems are only counted.
  [[nodiscard]] bool Full() const { return found_.size() >= kMaxProblems; }
  // Those of the file in the order of its lines, then the others in the order they were found.
  [[nodiscard]] std::vector<ConfigProblem> Sorted() const;

 private:
  void AddText(const Origin& origin, std::string text);

  static constexpr std::size_t kMaxProblems = 100;

  std::vector<std::pair<Origin, std::string>> found_;
  std::size_t more_ = 0;
};

enum class Strength { kDefault, kFile, kVariable, kFlag };

struct Entry {
  std::string key;   // inside the section
  std::string path;  // as written, for messages: "service.site.root"
  Written value;
  Origin origin;
  Strength strength = Strength::kDefault;
  bool usable = true;  // set when it is read
};

// One [pool.NAME], [service.NAME], [[listen]] or [[tls.certificate]], or everything outside of those.
struct DraftSection {
  std::string path{};  // prefix of its keys in messages: "", "service.site.", "listen."
  std::string name{};  // of a pool or a service
  Origin origin = kByDefault;
  std::vector<Entry> entries{};  // the strongest last
  // Of a service, in file order: [[service.site.host]]. The name of each is that of its list, "host".
  std::vector<DraftSection> tables{};

  void Write(const std::string& key, Written value, const Origin& at, Strength strength);
  // The entry in force; nullptr: the default is.
  [[nodiscard]] const Entry* Find(std::string_view key) const;
  // True if no source gave it an unusable value.
  [[nodiscard]] bool IsSound(std::string_view key) const;
  // Where the key was set; otherwise where the section begins.
  [[nodiscard]] const Origin& OriginOf(std::string_view key) const;
  [[nodiscard]] std::string PathOf(std::string_view key) const;
  [[nodiscard]] bool HasTable(std::string_view table) const;
  // No source gave any of its keys, or one of its tables', an unusable value.
  [[nodiscard]] bool IsSound() const;
};

// Every [service.NAME], or every [pool.NAME].
struct NamedSections {
  const char* word;      // "service"
  std::size_t max_name;  // bytes of a name
  std::vector<DraftSection> sections{};

  // nullptr: there is none of that name.
  [[nodiscard]] DraftSection* Find(std::string_view name);
  DraftSection& Add(const std::string& name, const Origin& origin);
  [[nodiscard]] std::vector<std::string> Names() const;
};

// A module that is not known yet, and the service that names it.
struct DraftModule {
  std::string path;
  std::string service;
  Origin origin;
};

struct Draft {
  const std::vector<ServiceDeclaration>* types = nullptr;  // the types that this program has
  const std::map<std::string, Result<ModuleDeclaration>>* modules = nullptr;  // those that are known, by path
  std::vector<DraftModule> unknown_modules;
  DraftSection top;
  NamedSections services = {"service", 64};
  NamedSections pools = {"pool", 31};
  std::vector<DraftSection> listen;
  // Listeners of the file that --listen replaces: read for their problems, and not used.
  std::vector<DraftSection> replaced;
  std::vector<DraftSection> certificates;
  Problems problems;
  Problems warnings;  // about a configuration that is accepted

  // A listener of the command line, or of the default. `origin`: what asks for it.
  void AddListener(const std::string& address, const std::string& service, const Origin& origin);
  // nullptr: the program has none of that name.
  [[nodiscard]] const ServiceDeclaration* FindType(std::string_view type) const;
  // Adds a problem of one key, at the place that sets it.
  template <typename... Args>
  void Complain(const DraftSection& section, std::string_view key, fmt::format_string<Args...> text,
                Args&&... args) {
    problems.Add(section.OriginOf(key), "{}: {}", section.PathOf(key),
                 fmt::format(text, std::forward<Args>(args)...));
  }
};

// ---- the steps, in this order; each adds its problems to draft.problems ----

// The bytes of a configuration file, read whole and unchanged meanwhile. Never blocks and never reads much: a
// FIFO, a device, a folder or a file that is too large is refused at once. nullopt: refused, and a problem
// was added.
std::optional<std::string> ReadSourceFile(const std::string& path, Problems& problems);
// `text`: the content of the file `source`. False: it is not TOML, and nothing in it can be used.
bool WriteFile(std::string_view text, const std::string& source, Draft& draft);
// `key` of each is as EnvironmentOverrides made it; which key it means depends on the sections known by now.
void WriteEnvironment(const std::vector<ConfigOverride>& environment, Draft& draft);
// `key` of each is as in the file, dots included.
void WriteFlags(const std::vector<ConfigOverride>& flags, Draft& draft);
// Reads the draft by the tables of keys. Afterwards each pool's section also holds the entries it takes from
// the top level.
Config ReadDraft(Draft& draft);
// The modules that are to be opened, in the order in which the services name them. Precondition: ReadDraft.
std::vector<ModuleWanted> WantedModules(const Config& config, Draft& draft);
// ConfigOutcome::module_places.
std::map<std::string, std::string> ModulePlaces(const Config& config, const Draft& draft);
// The part of ReadDraft about pools. `config` has the keys of the top level, the listeners and the services
// already.
void ReadPools(Draft& draft, Config& config);
// Checks that no key can make alone: whether the values fit each other, this version and this machine. Reads
// from the machine (folders, accounts) and changes nothing on it.
void CheckConfig(const Config& config, Draft& draft);
// The parts of CheckConfig about pools, and about TLS.
void CheckPools(const Config& config, Draft& draft);
void CheckTls(const Config& config, Draft& draft);

// ---- helpers of several steps ----

// nullopt: it cannot be used, and a problem was added, here or when the entry was collected.
std::optional<SettingValue> ReadEntry(const Setting& setting, Entry& entry, Draft& draft);
// Adds a problem with the nearest name; `names`: the keys that the section has.
void UnknownKey(const DraftSection& section, const Entry& entry, const std::vector<std::string>& names,
                Draft& draft);
// Calls `unknown` with each entry that the table does not have.
template <typename Section, typename Unknown>
void ReadSection(DraftSection& section, const std::vector<Key<Section>>& keys, Draft& draft, Section& into,
                 Unknown unknown) {
  for (Entry& entry : section.entries) {
    const Key<Section>* key = FindKey(keys, entry.key);
    if (key == nullptr) {
      unknown(entry);
    } else if (const std::optional<SettingValue> value = ReadEntry(key->setting, entry, draft)) {
      key->set(*value, into);
    }
  }
}

// The keys of modules' services when their interface began (preforkd/module.h): a module cannot declare one.
// Keys that the server got later are settings of the type, and a module may have one of its own with such a
// name, which wins (Settings). So a key of every service (ServiceKeys) can no longer be added.
const std::vector<std::string>& ReservedKeys();
// Which keys a service of type "module" has: those of `type` that modules of its kind have, and the module's
// own. Error: the module declares one that cannot be used.
Result<ServiceDeclaration> DeclareModule(const ServiceDeclaration& type, const ModuleDeclaration& module);
// Writes a service and its listeners for each of inputs.module_files. False: there are none.
bool WriteModuleFiles(const ConfigInputs& inputs, Draft& draft);
// True for keys of a pool that do not apply to other pools.
bool IsWorkerCount(std::string_view key);
bool HasService(const Config& config, std::string_view pool);
// True if a listener needs gates.
bool HasTlsListener(const Config& config);
// The pool of gates that is made if the configuration has none.
inline constexpr const char* kGatesName = "gates";

// Ok if it is a folder that this process can read; the error says what is wrong and what to write instead.
Status CheckFolder(const std::string& path);
// The same for a regular file.
Status CheckFile(const std::string& path);
// Adds a problem if the account of key `user` or `group` does not exist.
void CheckAccounts(const std::string& user, const std::string& group, const DraftSection& section,
                   Draft& draft);

}  // namespace preforkd

#endif
