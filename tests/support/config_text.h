// ConfigText: the configuration file of a test, written setting by setting. Pure: settings in, text out.
//
//   ConfigText().Workers(2).Set("supervision.hang_timeout", "1s")
//       .Listen("web").Service("web", "http", {{"root", folder}})
//
// The keys of the top level come first, then the [[listen]] sections in the order of their calls, then each
// other section once. Strings are quoted and escaped; numbers and booleans stay bare. This is no second
// schema: it does not know which keys exist, and writes an unknown one like any other. Tests of the file
// itself write their text by hand: a syntax error, a duplicate key, a comment, the line and column of a
// problem, a sample file.
#ifndef PREFORKD_TESTS_SUPPORT_CONFIG_TEXT_H_
#define PREFORKD_TESTS_SUPPORT_CONFIG_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace preforkd::testing {

using ConfigValue = std::variant<bool, std::int64_t, std::string>;

struct ConfigSetting {
  std::string key;
  ConfigValue value;
};
using ConfigSettings = std::vector<ConfigSetting>;

class ConfigText {
 public:
  // Exactly so many: workers_max is the same, because extra workers would come on a slow machine only. A test
  // of extras sets workers_max afterwards. The same holds for Pool.
  ConfigText& Workers(int count) { return Set("workers", count).Set("workers_max", count); }
  // `path` names the section and the key: "supervision.hang_timeout", "pool.app.workers"; without a dot, a
  // key of the top level. Replaces the value of a key that is set already. Not for [[listen]].
  ConfigText& Set(std::string_view path, ConfigValue value);
  // Adds a [[listen]] section.
  ConfigText& Listen(const std::string& service, const std::string& address = "127.0.0.1:0",
                     const ConfigSettings& more = {});
  ConfigText& Service(const std::string& name, const std::string& type, const ConfigSettings& more = {});
  ConfigText& Pool(const std::string& name, const ConfigSettings& settings);

  [[nodiscard]] std::string Text() const;

 private:
  struct Section {
    std::string name;
    ConfigSettings settings;
  };

  // An empty name is the top level. Adds a section that does not exist yet.
  ConfigSettings& SectionOf(std::string_view name);

  ConfigSettings top_;
  std::vector<ConfigSettings> listeners_;
  std::vector<Section> sections_;
};

}  // namespace preforkd::testing

#endif
