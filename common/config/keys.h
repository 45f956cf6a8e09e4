// The one table of keys: which there are, what each takes, where its value goes, and the only text about it.
// Reading the file, the environment and the flags, suggesting names, printing the configuration and writing
// the manual all go through it. The keys of a type of service are that type's own (setting.h).
#ifndef PREFORKD_COMMON_CONFIG_KEYS_H_
#define PREFORKD_COMMON_CONFIG_KEYS_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/config.h"
#include "common/config/setting.h"

namespace preforkd {

// `Section` is the struct that holds the value: Config, PoolConfig, ListenConfig or ServiceConfig.
template <typename Section>
struct Key {
  Setting setting;  // its name: "dispatch.policy"; in a named section and in [[listen]] only what follows
  std::string top;  // PoolConfig: the top-level key of the same meaning; empty: there is none
  std::function<void(const SettingValue&, Section&)> set;
  std::function<std::optional<SettingValue>(const Section&)> get;  // nullopt: not set
};

// In the order in which --print-config shows them.
const std::vector<Key<Config>>& TopKeys();
const std::vector<Key<PoolConfig>>& PoolKeys();
const std::vector<Key<ListenConfig>>& ListenKeys();
// What every service has. The words of `type` depend on the program, and are not checked here.
const std::vector<Key<ServiceConfig>>& ServiceKeys();

// nullptr when there is none of that name.
template <typename Section>
const Key<Section>* FindKey(const std::vector<Key<Section>>& keys, std::string_view name) {
  for (const Key<Section>& key : keys) {
    if (key.setting.name == name) return &key;
  }
  return nullptr;
}

// The same for the settings of a type of service.
const Setting* FindSetting(const std::vector<Setting>& settings, std::string_view name);

template <typename Section>
std::vector<std::string> KeyNames(const std::vector<Key<Section>>& keys) {
  std::vector<std::string> names;
  for (const Key<Section>& key : keys) names.push_back(key.setting.name);
  return names;
}

}  // namespace preforkd

#endif
