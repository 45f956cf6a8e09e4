#include "common/config/module_codec.h"

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace preforkd {
namespace {

using Json = nlohmann::json;

Json Encode(const Setting& setting) {
  return {{"name", setting.name},         {"kind", static_cast<unsigned>(setting.kind)},
          {"min", setting.min},           {"max", setting.max},
          {"fallback", setting.fallback}, {"doc", setting.doc},
          {"words", setting.words},       {"required", setting.required}};
}

Json Encode(const ModuleDeclaration& module) {
  Json object = {{"name", module.name},
                 {"version", module.version},
                 {"kind", static_cast<unsigned>(module.kind)},
                 {"client_speaks_first", module.client_speaks_first},
                 {"system_calls", module.system_calls.Bits()},
                 {"settings", Json::array()},
                 {"counters", Json::array()},
                 {"preload", module.preload}};
  for (const Setting& setting : module.settings) object["settings"].push_back(Encode(setting));
  for (const ModuleCounter& counter : module.counters) {
    object["counters"].push_back({{"name", counter.name}, {"help", counter.help}});
  }
  return object;
}

// The functions below throw: Json's exceptions for a value of another type, std::runtime_error for one that
// this version does not know.

template <typename Enum>
Enum DecodeEnum(const Json& value, Enum last) {
  const bool known =
      value.is_number_unsigned() && value.get<std::uint64_t>() <= static_cast<std::uint64_t>(last);
  if (!known) throw std::runtime_error("an unknown kind");
  return static_cast<Enum>(value.get<std::uint64_t>());
}

Setting DecodeSetting(const Json& object) {
  Setting setting;
  setting.name = object.at("name").get<std::string>();
  setting.kind = DecodeEnum(object.at("kind"), SettingKind::kVariables);  // no module declares texts
  setting.min = object.at("min").get<std::string>();
  setting.max = object.at("max").get<std::string>();
  setting.fallback = object.at("fallback").get<std::string>();
  setting.doc = object.at("doc").get<std::string>();
  setting.words = object.at("words").get<std::vector<std::string>>();
  setting.required = object.at("required").get<bool>();
  return setting;
}

ModuleDeclaration DecodeDeclaration(const Json& object) {
  ModuleDeclaration module;
  module.name = object.at("name").get<std::string>();
  module.version = object.at("version").get<std::string>();
  module.kind = DecodeEnum(object.at("kind"), ModuleKind::kProtocol);
  module.client_speaks_first = object.at("client_speaks_first").get<bool>();
  module.system_calls = CallSets(object.at("system_calls").get<std::uint64_t>());
  for (const Json& setting : object.at("settings")) module.settings.push_back(DecodeSetting(setting));
  module.preload = object.value("preload", false);  // an older program does not say it
  for (const Json& counter : object.at("counters")) {
    module.counters.push_back({counter.at("name").get<std::string>(), counter.at("help").get<std::string>()});
  }
  return module;
}

}  // namespace

std::string EncodeModule(const Result<ModuleDeclaration>& module) {
  const Json answer =
      module.Ok() ? Json{{"module", Encode(module.Value())}} : Json{{"error", module.Err().text}};
  return answer.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string EncodePreload(const Result<PreloadReport>& report) {
  if (!report.Ok())
    return Json{{"error", report.Err().text}}.dump(-1, ' ', false, Json::error_handler_t::replace);
  const PreloadReport& it = report.Value();
  return Json{{"used", it.used}, {"root", it.root}, {"module", it.module}}.dump();
}

Result<PreloadReport> DecodePreload(std::string_view bytes) {
  try {
    const Json answer = Json::parse(bytes);
    if (answer.contains("error")) return Error{answer.at("error").get<std::string>()};
    const auto number = [&](const char* name) {
      if (!answer.at(name).is_number_unsigned()) throw std::runtime_error("not a number");
      return answer.at(name).get<std::uint64_t>();
    };
    return PreloadReport{number("used"), number("root"), answer.at("module").get<std::string>()};
  } catch (const std::exception&) {
    return Error{"what the module says of its preload is damaged"};
  }
}

Result<ModuleDeclaration> DecodeModule(std::string_view bytes) {
  try {
    const Json answer = Json::parse(bytes);
    if (answer.contains("error")) return Error{answer.at("error").get<std::string>()};
    return DecodeDeclaration(answer.at("module"));
  } catch (const std::exception&) {
    return Error{"the description of the module is damaged"};
  }
}

}  // namespace preforkd
