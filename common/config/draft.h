// Draft: a configuration while it is put together: what each source says, in order, and where it says so.
//
// The file, the environment and the flags are written down one after the other; then they are read by the
// tables of keys, and the result is checked. A value that cannot be used becomes a problem and leaves what
// was there, so that everything after it is still checked. For LoadConfig only.
#ifndef PREFORKD_COMMON_CONFIG_DRAFT_H_
#define PREFORKD_COMMON_CONFIG_DRAFT_H_

#include <fmt/core.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/config/config_loader.h"
#include "common/config/setting_value.h"

namespace preforkd {

// A place that a problem can point at: a line of the file, a flag, or a variable.
struct Origin {
  std::string source;
  std::uint32_t line = 0;  // 0: not in a file; else both count from 1
  std::uint32_t column = 0;

  // "FILE:LINE:COL", "--workers".
  [[nodiscard]] std::string Text() const;
  bool operator==(const Origin&) const = default;
};

// The origin of what nobody has written.
inline const Origin kByDefault = {"default"};

// What is wrong, so that one run shows all of it, up to a bound: a file of other content has a mistake in
// each line, and the master that reloads does nothing else meanwhile.
class Problems {
 public:
  // The same text at the same place is reported once.
  template <typename... Args>
  void Add(const Origin& origin, fmt::format_string<Args...> text, Args&&... args) {
    AddText(origin, fmt::format(text, std::forward<Args>(args)...));
  }
  [[nodiscard]] bool None() const { return found_.empty(); }
  // Any more are only counted.
  [[nodiscard]] bool Full() const { return found_.size() >= kMost; }
  // The file's in the order of its lines, then the others as they were found.
  [[nodiscard]] std::vector<ConfigProblem> Sorted() const;

 private:
  void AddText(const Origin& origin, std::string text);

  static constexpr std::size_t kMost = 100;

  std::vector<std::pair<Origin, std::string>> found_;
  std::size_t more_ = 0;
};

enum class Strength { kDefault, kFile, kVariable, kFlag };

struct Entry {
  std::string key;   // inside the section
  std::string path;  // as it was written, for messages: "service.site.root"
  Written value;
  Origin origin;
  Strength strength = Strength::kDefault;
  bool usable = true;  // known when it has been read
};

// One [pool.NAME], [service.NAME] or [[listen]], or all that stands outside of those.
struct DraftSection {
  std::string path{};  // what its keys begin with in messages: "", "service.site.", "listen."
  std::string name{};  // of a pool or a service
  Origin origin = kByDefault;
  std::vector<Entry> entries{};  // the strongest last

  void Write(const std::string& key, Written value, const Origin& at, Strength strength);
  // The one that counts; nullptr: the default does.
  [[nodiscard]] const Entry* Find(std::string_view key) const;
  // No source gave it a value that could not be used.
  [[nodiscard]] bool IsSound(std::string_view key) const;
  // Where the key was set; else where the section begins.
  [[nodiscard]] const Origin& OriginOf(std::string_view key) const;
  [[nodiscard]] std::string PathOf(std::string_view key) const;
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

struct Draft {
  const std::vector<ServiceDeclaration>* types = nullptr;  // that this program has
  DraftSection top;
  NamedSections services = {"service", 64};
  NamedSections pools = {"pool", 31};
  std::vector<DraftSection> listen;
  // Listeners of the file where --listen names others: read, and not used.
  std::vector<DraftSection> replaced;
  Problems problems;
  Problems warnings;  // about a configuration that can be used

  // nullptr: the program has none of that name.
  [[nodiscard]] const ServiceDeclaration* FindType(std::string_view type) const;
  // A problem of one key, at the place that sets it.
  template <typename... Args>
  void Complain(const DraftSection& section, std::string_view key, fmt::format_string<Args...> text,
                Args&&... args) {
    problems.Add(section.OriginOf(key), "{}: {}", section.PathOf(key),
                 fmt::format(text, std::forward<Args>(args)...));
  }
};

// ---- the steps, in this order; each adds what it finds to draft.problems ----

// The bytes of a configuration file, whole and of one moment. Never waits and never reads much: a FIFO, a
// device, a folder or a file that is too large is refused at once. nullopt: it was.
std::optional<std::string> ReadSourceFile(const std::string& path, Problems& problems);
// `text`: the content of the file `source`. False: it is no TOML, and nothing in it can be trusted.
bool WriteFile(std::string_view text, const std::string& source, Draft& draft);
// `key` of each as EnvironmentOverrides left it: what it names depends on the sections that there are by now.
void WriteEnvironment(const std::vector<ConfigOverride>& environment, Draft& draft);
// `key` of each as it stands in the file, dots included.
void WriteFlags(const std::vector<ConfigOverride>& flags, Draft& draft);
// What the draft says, by the tables of keys. Each pool's section holds afterwards what it inherits too.
Config ReadDraft(Draft& draft);
// What no key can tell by itself: whether the values fit each other, this version and this machine. Looks at
// the machine (folders, accounts) and changes nothing on it.
void CheckConfig(const Config& config, Draft& draft);
// The part of CheckConfig that is about pools.
void CheckPools(const Config& config, Draft& draft);

// ---- what several of them need ----

// Whether it is a key of a pool that no other pool inherits.
bool IsWorkerCount(std::string_view key);
bool HasService(const Config& config, std::string_view pool);

// Whether it is a folder that this process can read; what is wrong and what would be right.
Status CheckFolder(const std::string& path);
// Of the keys `user` and `group`: whether there are such.
void CheckAccounts(const std::string& user, const std::string& group, const DraftSection& section,
                   Draft& draft);

}  // namespace preforkd

#endif
