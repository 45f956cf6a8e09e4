// Services of type "module": which keys they have, which files are to be opened, and those of --module.
#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include "common/config/draft.h"
#include "common/config/keys.h"

namespace preforkd {
namespace {

// A pool whose keys have problems may lack its user: a module must not be opened as another one then.
bool IsSound(const PoolConfig* pool, Draft& draft) {
  const DraftSection* section = pool != nullptr ? draft.pools.Find(pool->name) : nullptr;
  return section != nullptr && std::all_of(section->entries.begin(), section->entries.end(),
                                           [](const Entry& entry) { return entry.usable; });
}

// As far as opening the module needs it.
std::shared_ptr<const Config> PartFor(const DraftModule& module, const PoolConfig& pool,
                                      const LogConfig& log) {
  auto part = std::make_shared<Config>();
  part->log = log;
  part->pools = {pool};
  static_cast<PoolSettings&>(*part) = pool;
  ServiceConfig service;
  service.name = module.service;
  service.type = kModuleType;
  service.pool = pool.name;
  service.settings = Settings({{.name = std::string(kModulePath), .kind = SettingKind::kPath}});
  service.settings.Set(kModulePath, {0, module.path});
  service.module = ModuleDeclaration{};
  service.module->file = ModuleFile::Open(module.path);
  part->services = {std::move(service)};
  return part;
}

// ---- --module ----

// "hello" for "./hello.so": of its letters, digits, '-' and '_', the others as '-'.
std::string NameFor(const std::string& file, Draft& draft) {
  constexpr std::size_t kRoomForNumber = 5;
  std::string stem = file.substr(file.rfind('/') + 1);
  if (stem.ends_with(".so")) stem.erase(stem.size() - 3);
  for (char& c : stem) {
    if (!IsBareKey({&c, 1})) c = '-';
  }
  if (stem.empty()) stem = "module";
  stem.resize(std::min(stem.size(), draft.services.max_name - kRoomForNumber));
  std::string name = stem;
  for (int number = 2; draft.services.Find(name) != nullptr; ++number)
    name = fmt::format("{}-{}", stem, number);
  return name;
}

std::string AddModuleFile(const std::string& file, Draft& draft) {
  const Origin origin{"--module"};
  DraftSection& service = draft.services.Add(NameFor(file, draft), origin);
  service.Write("type", {Written::Kind::kWord, std::string(kModuleType)}, origin, Strength::kDefault);
  service.Write(std::string(kModulePath), {Written::Kind::kWord, file}, origin, Strength::kDefault);
  return service.name;
}

bool IsOfPreload(const Setting& setting) {
  return setting.name == kPreloadMax || setting.name == kPreloadTimeout;
}

// Whether services of that module have that key of the type. What is not of a preload or the path is about
// HTTP.
bool Applies(const Setting& setting, const ModuleDeclaration& module) {
  if (IsOfPreload(setting)) return module.preload;
  return module.kind != ModuleKind::kProtocol || setting.name == kModulePath;
}

}  // namespace

const std::vector<std::string>& ReservedKeys() {
  // Never add one: a module that was built before declares that name, and would be refused.
  static const std::vector<std::string> names = {
      "type",        "pool",           "system_calls",      "path",
      "threads",     "max_body",       "max_body_time",     "max_header",
      "max_headers", "max_requests",   "body_timeout",      "send_timeout",
      "min_rate",    "header_timeout", "keepalive_timeout", "request_timeout"};
  return names;
}

Result<ServiceDeclaration> DeclareModule(const ServiceDeclaration& type, const ModuleDeclaration& module) {
  std::vector<std::string> reserved = ReservedKeys();
  // A module without a preload may have been built before there were these keys.
  if (module.preload)
    reserved.insert(reserved.end(), {std::string(kPreloadMax), std::string(kPreloadTimeout)});
  if (const Status status = CheckSettings(module.settings, reserved); !status.Ok()) return status.Err();
  ServiceDeclaration declared{type.type, {}, module.client_speaks_first};
  std::copy_if(type.settings.begin(), type.settings.end(), std::back_inserter(declared.settings),
               [&](const Setting& setting) { return Applies(setting, module); });
  declared.settings.insert(declared.settings.end(), module.settings.begin(), module.settings.end());
  if (module.kind != ModuleKind::kProtocol) declared.tables = type.tables;
  return declared;
}

std::vector<ModuleWanted> WantedModules(const Config& config, Draft& draft) {
  std::vector<ModuleWanted> wanted;
  if (config.services.size() > kMaxServices) return wanted;  // a problem, and nothing to open for it
  for (const DraftModule& module : draft.unknown_modules) {
    const bool listed = std::any_of(wanted.begin(), wanted.end(),
                                    [&](const ModuleWanted& each) { return each.path == module.path; });
    const PoolConfig* pool = config.FindPool(config.FindService(module.service)->pool);
    if (listed || !IsSound(pool, draft)) continue;
    wanted.push_back({module.path, module.service, module.origin.Text(), PartFor(module, *pool, config.log)});
  }
  return wanted;
}

std::map<std::string, std::string> ModulePlaces(const Config& config, const Draft& draft) {
  std::map<std::string, std::string> places;
  for (std::size_t i = 0; i < config.services.size(); ++i) {
    if (config.services[i].type != kModuleType) continue;
    const DraftSection& section = draft.services.sections[i];
    places[config.services[i].name] =
        fmt::format("{}: {}", section.OriginOf(kModulePath).Text(), section.PathOf(kModulePath));
  }
  return places;
}

bool WriteModuleFiles(const ConfigInputs& inputs, Draft& draft) {
  const std::vector<std::string>& files = inputs.module_files;
  if (files.empty()) return false;
  std::vector<std::string> services;
  for (const std::string& file : files) services.push_back(AddModuleFile(file, draft));
  const std::vector<std::string>& addresses = inputs.listen;
  if (files.size() > 1 && addresses.size() != files.size()) {
    draft.problems.Add(
        {"--module"},
        "there are {} of it and {} of --listen; write a --listen ADDR for each, in the same order",
        files.size(), addresses.size());
    return true;
  }
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    draft.AddListener(addresses[i], services[files.size() > 1 ? i : 0], {"--listen"});
  }
  if (addresses.empty()) draft.AddListener(kDefaultAddress, services.front(), kByDefault);
  return true;
}

}  // namespace preforkd
