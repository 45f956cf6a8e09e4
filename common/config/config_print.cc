// PrintConfig: the schema's table, printed with the values of one configuration.
#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "common/config/config_loader.h"
#include "common/config/schema.h"
#include "common/config/value.h"

namespace preforkd {
namespace {

// Where the comments begin, unless a value is longer.
constexpr std::size_t kCommentColumn = 40;

template <typename Section>
void AppendKey(std::string& out, const Key<Section>& key, std::string_view name, const Section& section) {
  const std::optional<std::string> value = key.print(section);
  // What is not set has no value to print; as a comment it still says that the key exists.
  const std::string line = value ? fmt::format("{} = {}", name, *value) : fmt::format("# {}", name);
  out += fmt::format("{:<{}}  # {}\n", line, kCommentColumn, key.doc);
}

void AppendConfigKeys(std::string& out, const Config& config) {
  std::string section;
  for (const Key<Config>& key : ConfigKeys()) {
    const std::size_t dot = key.name.find('.');
    const bool top = dot == std::string::npos;
    if (!top && key.name.substr(0, dot) != section) {
      section = key.name.substr(0, dot);
      out += fmt::format("\n[{}]\n", section);
    }
    AppendKey(out, key, top ? key.name : key.name.substr(dot + 1), config);
  }
}

void AppendListener(std::string& out, const ListenConfig& listener) {
  out += "\n[[listen]]\n";
  for (const Key<ListenConfig>& key : ListenKeys()) AppendKey(out, key, key.name, listener);
}

void AppendService(std::string& out, const ServiceConfig& service) {
  out += fmt::format("\n[service.{}]\n", service.name);
  for (const Key<ServiceConfig>& key : ServiceKeys()) {
    if (AppliesTo(key, service.type)) AppendKey(out, key, key.name, service);
  }
  for (const auto& [name, value] : service.options) {
    out += fmt::format("{} = {}\n", TomlString(name), TomlString(value));
  }
}

}  // namespace

std::string PrintConfig(const Config& config) {
  std::string out;
  AppendConfigKeys(out, config);
  for (const ListenConfig& listener : config.listen) AppendListener(out, listener);
  for (const ServiceConfig& service : config.services) AppendService(out, service);
  return out;
}

}  // namespace preforkd
