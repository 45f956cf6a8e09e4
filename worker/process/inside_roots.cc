#include "worker/process/inside_roots.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "common/base/log.h"
#include "common/base/sys_error.h"
#include "common/config/chroot_path.h"
#include "common/config/setting_value.h"
#include "common/text/quote.h"

namespace preforkd {
namespace {

Settings& SettingsIn(ServiceConfig& service, const std::vector<std::size_t>& table) {
  Settings* settings = &service.settings;
  std::vector<SettingsTable>* tables = &service.tables;
  for (const std::size_t index : table) {
    settings = &(*tables)[index].settings;
    tables = &(*tables)[index].tables;
  }
  return *settings;
}

}  // namespace

Result<InsideRoots::Name> InsideRoots::NameOf(const std::string& chroot, const std::string& root) {
  Result<std::string> resolved = PathInside(chroot, root);
  if (!resolved.Ok()) return resolved.Err();
  struct stat info {};
  if (::stat(root.c_str(), &info) < 0) return SysError("stat", root);
  return Name{LinkedPathInside(chroot, root).value_or(resolved.Value()), resolved.Value(), info.st_dev,
              info.st_ino};
}

Status InsideRoots::Add(const Settings& settings, bool module, const std::string& chroot, Folder named) {
  for (const Settings::Item& item : settings.Items()) {
    const auto& [setting, value] = item;
    const bool path = module && setting.name == kModulePath;
    if ((!IsOnDisk(setting.kind) && !path) || value.text.empty()) continue;
    if (!settings.Shows(item)) continue;
    Result<Name> found = NameOf(chroot, value.text);
    if (!found.Ok())
      return Error{fmt::format("service {}: {}: {}", named.service, setting.name, found.Err().text), 0};
    named.setting = setting.name;
    named.name = std::move(found).Value();
    folders_.push_back(named);
  }
  return {};
}

Status InsideRoots::AddTables(const std::vector<SettingsTable>& tables, const std::string& chroot,
                              const Folder& named) {
  for (std::size_t i = 0; i < tables.size(); ++i) {
    Folder inner = named;
    inner.table.push_back(i);
    if (Status status = Add(tables[i].settings, false, chroot, inner); !status.Ok()) return status;
    if (Status status = AddTables(tables[i].tables, chroot, inner); !status.Ok()) return status;
  }
  return {};
}

Result<InsideRoots> InsideRoots::Find(const WorkerStart& start) {
  InsideRoots roots;
  const std::string& chroot = start.pool->worker.chroot;
  for (const auto& [id, service] : start.services) {
    const Folder named{service->name, {}, {}, {}};
    Status status = roots.Add(service->settings, service->type == kModuleType, chroot, named);
    if (status.Ok()) status = roots.AddTables(service->tables, chroot, named);
    if (!status.Ok()) return status.Err();
  }
  return roots;
}

bool InsideRoots::LeadsThere(const Name& name) {
  struct stat info {};
  return ::stat(name.linked.c_str(), &info) == 0 && info.st_dev == name.device && info.st_ino == name.inode;
}

void InsideRoots::Rename(WorkerStart& start) const {
  const auto config = std::make_shared<Config>(*start.config);
  const auto renamed = [&](const std::string& name) {
    return std::find_if(config->services.begin(), config->services.end(),
                        [&](const ServiceConfig& service) { return service.name == name; });
  };
  for (const auto& [name, table, setting, folder] : folders_) {
    ServiceConfig& service = *renamed(name);
    Settings& settings = SettingsIn(service, table);
    const bool follows = LeadsThere(folder);
    if (!follows) {
      log::Warning({log::kRootFixed, {{"service", service.name}}},
                   "service {}: {}: a symlink in {} does not lead to the same place inside worker.chroot, so "
                   "a new target takes effect only at a reload; make it relative",
                   service.name, setting, Quoted(settings.Text(setting)));
    }
    settings.Set(setting, {0, follows ? folder.linked : folder.resolved});
  }
  for (auto& [id, service] : start.services) service = &*renamed(service->name);
  start.pool = &config->PoolOf(*start.services.front().second);
  start.config = config;
}

}  // namespace preforkd
