// PrintConfig: the tables of keys, printed with the values of one configuration.
#include <fmt/core.h>

#include <string>
#include <string_view>

#include "common/config/config_loader.h"
#include "common/config/keys.h"
#include "common/config/setting_value.h"

namespace preforkd {
namespace {

// The column where comments begin, unless a value is longer.
constexpr std::size_t kCommentColumn = 40;

void AppendLine(std::string& out, const Setting& setting, std::string_view name,
                const std::optional<SettingValue>& value) {
  // A key that is not set has no value to print; a comment shows that the key exists.
  const std::string line =
      value ? fmt::format("{} = {}", name, PrintValue(setting, *value)) : fmt::format("# {}", name);
  out += fmt::format("{:<{}}  # {}\n", line, kCommentColumn, setting.doc);
}

template <typename Section>
void AppendSection(std::string& out, const std::vector<Key<Section>>& keys, const Section& section) {
  for (const Key<Section>& key : keys) AppendLine(out, key.setting, key.setting.name, key.get(section));
}

bool HasMainPool(const Config& config) { return config.pools.front().name == kMainPoolName; }

void AppendTopKeys(std::string& out, const Config& config) {
  std::string section;
  for (const Key<Config>& key : TopKeys()) {
    const std::string& name = key.setting.name;
    const std::size_t dot = name.find('.');
    const bool top = dot == std::string::npos;
    if (!top && name.substr(0, dot) != section) {
      section = name.substr(0, dot);
      out += fmt::format("\n[{}]\n", section);
    }
    // Without a main pool these two have no effect.
    const bool counts_nothing = !HasMainPool(config) && (name == "workers" || name == "workers_max");
    AppendLine(out, key.setting, top ? name : name.substr(dot + 1),
               counts_nothing ? std::nullopt : key.get(config));
  }
}

// Only what they set: the rest is what is in force around them.
void AppendTables(std::string& out, const std::string& path, const std::vector<SettingsTable>& tables) {
  for (const SettingsTable& table : tables) {
    const std::string own = fmt::format("{}.{}", path, table.name);
    out += fmt::format("\n[[{}]]\n", own);
    for (const Settings::Item& item : table.settings.Items()) {
      if (table.Sets(item.setting.name)) AppendLine(out, item.setting, item.setting.name, item.value);
    }
    AppendTables(out, own, table.tables);
  }
}

void AppendService(std::string& out, const ServiceConfig& service) {
  out += fmt::format("\n[service.{}]\n", service.name);
  AppendSection(out, ServiceKeys(), service);
  for (const Settings::Item& item : service.settings.Items()) {
    if (service.settings.Shows(item)) AppendLine(out, item.setting, item.setting.name, item.value);
  }
  AppendTables(out, fmt::format("service.{}", service.name), service.tables);
}

}  // namespace

std::string PrintConfig(const Config& config) {
  std::string out;
  AppendTopKeys(out, config);
  for (const PoolConfig& pool : config.pools) {
    if (pool.name == kMainPoolName) continue;  // at the top
    out += fmt::format("\n[pool.{}]\n", pool.name);
    AppendSection(out, PoolKeys(), pool);
  }
  for (const CertificateConfig& certificate : config.tls.certificates) {
    out += "\n[[tls.certificate]]\n";
    AppendSection(out, CertificateKeys(), certificate);
  }
  for (const ListenConfig& listener : config.listen) {
    out += "\n[[listen]]\n";
    AppendSection(out, ListenKeys(), listener);
  }
  for (const ServiceConfig& service : config.services) AppendService(out, service);
  return out;
}

}  // namespace preforkd
