// The table of all keys: their names, types and ranges, where their values go, and their documentation.
// Reading the file, the environment and the flags, suggesting names, printing the configuration and
// generating the manual all use it. The keys of a service type are declared by that type (setting.h).
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

// `Section` is the struct that holds the value: Config, PoolConfig, ListenConfig,
// CertificateConfig or ServiceConfig.
template <typename Section>
struct Key {
  Setting setting;  // its name: "dispatch.policy"; without the prefix in a named section and in [[...]]
  std::string top;  // PoolConfig: the top-level key of the same meaning; empty: there is none
  std::function<void(const SettingValue&, Section&)> set;
  std::function<std::optional<SettingValue>(const Section&)> get;  // nullopt: not set
};

// In the order of --print-config.
const std::vector<Key<Config>>& TopKeys();
const std::vector<Key<PoolConfig>>& PoolKeys();
const std::vector<Key<ListenConfig>>& ListenKeys();
const std::vector<Key<CertificateConfig>>& CertificateKeys();
// The keys that every service has. The choices of `type` depend on the program, and are not checked here.
const std::vector<Key<ServiceConfig>>& ServiceKeys();

// nullptr if there is none of that name.
template <typename Section>
const Key<Section>* FindKey(const std::vector<Key<Section>>& keys, std::string_view name) {
  for (const Key<Section>& key : keys) {
    if (key.setting.name == name) return &key;
  }
  return nullptr;
}

// The same for the settings of a service type; the last of that name.
const Setting* FindSetting(const std::vector<Setting>& settings, std::string_view name);

template <typename Section>
std::vector<std::string> KeyNames(const std::vector<Key<Section>>& keys) {
  std::vector<std::string> names;
  for (const Key<Section>& key : keys) names.push_back(key.setting.name);
  return names;
}

}  // namespace preforkd

#endif
