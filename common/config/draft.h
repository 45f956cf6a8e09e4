// Draft: a configuration while it is put together, with where each value came from.
//
// Sources are applied from the weakest to the strongest; a later one replaces the value and its origin. What
// cannot be used becomes a problem and leaves the value as it was, so that everything after it is still
// checked. Used by LoadConfig only, for one configuration.
#ifndef PREFORKD_COMMON_CONFIG_DRAFT_H_
#define PREFORKD_COMMON_CONFIG_DRAFT_H_

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/config.h"
#include "common/config/problems.h"
#include "common/config/schema.h"
#include "common/config/value.h"

namespace preforkd {

class Draft {
 public:
  [[nodiscard]] Config& config() { return config_; }
  [[nodiscard]] const Config& config() const { return config_; }
  [[nodiscard]] Problems& problems() { return problems_; }

  // `key` as in ConfigKeys().
  void Set(const std::string& key, const Value& value, const Origin& origin);

  // The new listener's number.
  std::size_t AddListener(const Origin& origin);
  void SetListener(std::size_t index, const std::string& key, const Value& value, const Origin& origin);
  void RemoveListeners();

  // The new service's number.
  std::size_t AddService(std::string name, const Origin& origin);
  [[nodiscard]] std::optional<std::size_t> FindService(std::string_view name) const;
  // Waits for ApplyServices: the type, which any source may still change, decides what the other keys mean.
  void SetService(std::size_t index, std::string key, Value value, Origin origin);
  void ApplyServices();

  // Reports a key that does not exist, with the nearest that does.
  void UnknownKey(const std::string& key, const Origin& origin);

  // "listen[0].address", "service.site.root": the names under which origins are kept.
  static std::string ListenerKey(std::size_t index, std::string_view key);
  static std::string ServiceKey(std::string_view service, std::string_view key);

  // Set by some source, usable or not.
  [[nodiscard]] bool IsSet(const std::string& key) const { return origins_.count(key) > 0; }
  // No source gave it a value that could not be used.
  [[nodiscard]] bool IsSound(const std::string& key) const { return unusable_.count(key) == 0; }
  // Where `key` was set; if it was not, where `other` was.
  [[nodiscard]] Origin OriginOf(const std::string& key, const std::string& other = {}) const;

 private:
  struct ServiceSetting {
    std::size_t index;
    std::string key;
    Value value;
    Origin origin;
  };

  void Record(const std::string& key, const Origin& origin, const Status& status);
  void ApplyService(const ServiceSetting& setting);
  void SetOption(const ServiceSetting& setting, const std::string& full_key);
  [[nodiscard]] std::vector<std::string> AllKeys() const;

  Config config_;
  Problems problems_;
  std::map<std::string, Origin> origins_;
  std::set<std::string> unusable_;
  std::vector<ServiceSetting> service_settings_;
};

}  // namespace preforkd

#endif
