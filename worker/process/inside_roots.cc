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

Result<InsideRoots::Name> InsideRoots::NameOf(const std::string& chroot, const std::string& root) {
  Result<std::string> resolved = PathInside(chroot, root);
  if (!resolved.Ok()) return resolved.Err();
  struct stat info {};
  if (::stat(root.c_str(), &info) < 0) return SysError("stat", root);
  return Name{LinkedPathInside(chroot, root).value_or(resolved.Value()), resolved.Value(), info.st_dev,
              info.st_ino};
}

Result<InsideRoots> InsideRoots::Find(const WorkerStart& start) {
  InsideRoots roots;
  for (const auto& [id, configured] : start.services) {
    const ServiceConfig& service = *configured;
    for (const Settings::Item& item : service.settings.Items()) {
      const auto& [setting, value] = item;
      const bool module = service.type == kModuleType && setting.name == kModulePath;
      if ((!IsOnDisk(setting.kind) && !module) || value.text.empty()) continue;
      if (!service.settings.Shows(item)) continue;
      Result<Name> found = NameOf(start.pool->worker.chroot, value.text);
      if (!found.Ok())
        return Error{fmt::format("service {}: {}: {}", service.name, setting.name, found.Err().text), 0};
      roots.folders_.push_back({service.name, setting.name, std::move(found).Value()});
    }
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
  for (const auto& [name, setting, folder] : folders_) {
    ServiceConfig& service = *renamed(name);
    const bool follows = LeadsThere(folder);
    if (!follows) {
      log::Warning({log::kRootFixed, {{"service", service.name}}},
                   "service {}: {}: a symlink in {} does not lead to the same place inside worker.chroot, so "
                   "a new target takes effect only at a reload; make it relative",
                   service.name, setting, Quoted(service.settings.Text(setting)));
    }
    service.settings.Set(setting, {0, follows ? folder.linked : folder.resolved});
  }
  for (auto& [id, service] : start.services) service = &*renamed(service->name);
  start.pool = &config->PoolOf(*start.services.front().second);
  start.config = config;
}

}  // namespace preforkd
