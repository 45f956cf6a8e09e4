// The one table of keys. Reading the file, the environment and the flags, suggesting names and printing the
// configuration all go through it: a key that stands here works everywhere, and one that does not, nowhere.
#ifndef PREFORKD_COMMON_CONFIG_SCHEMA_H_
#define PREFORKD_COMMON_CONFIG_SCHEMA_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/config/value.h"

namespace preforkd {

// `Section` is the struct that holds the value: Config, ListenConfig or ServiceConfig.
template <typename Section>
struct Key {
  std::string name;      // "dispatch.policy"; in [[listen]] and [service.NAME] only what follows
  std::string only_for;  // ServiceConfig: the type that reads it, empty when all do
  std::string doc;       // one line, for --print-config
  // The error says what is wrong and what would be right, without the name of the key.
  std::function<Status(const Value&, Section&)> read;
  // As TOML; nullopt when it is not set.
  std::function<std::optional<std::string>(const Section&)> print;
};

// In the order in which --print-config shows them.
const std::vector<Key<Config>>& ConfigKeys();
const std::vector<Key<ListenConfig>>& ListenKeys();
const std::vector<Key<ServiceConfig>>& ServiceKeys();

// nullptr when there is none of that name.
template <typename Section>
const Key<Section>* FindKey(const std::vector<Key<Section>>& keys, std::string_view name) {
  for (const Key<Section>& key : keys) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

template <typename Section>
std::vector<std::string> KeyNames(const std::vector<Key<Section>>& keys) {
  std::vector<std::string> names;
  for (const Key<Section>& key : keys) names.push_back(key.name);
  return names;
}

// Services of these types are ours: the table holds all their keys. Any other type is one that the program
// registered, and may have keys of its own.
bool IsBuiltInServiceType(std::string_view type);

// Whether a service of `type` reads `key`.
bool AppliesTo(const Key<ServiceConfig>& key, std::string_view type);

}  // namespace preforkd

#endif
