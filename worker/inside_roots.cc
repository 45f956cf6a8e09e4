#include "worker/inside_roots.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <memory>
#include <utility>

#include "common/base/log.h"
#include "common/base/quote.h"
#include "common/base/sys_error.h"
#include "common/config/chroot_path.h"

namespace preforkd {

Result<InsideRoots::Name> InsideRoots::NameOf(const std::string& chroot, const std::string& root) {
  Result<std::string> resolved = PathInside(chroot, root);
  if (!resolved.Ok()) return resolved.Err();
  struct stat info {};
  if (::stat(root.c_str(), &info) < 0) return SysError("stat", root);
  return Name{LinkedPathInside(chroot, root).value_or(resolved.Value()), resolved.Value(), info.st_dev, info.st_ino};
}

Result<InsideRoots> InsideRoots::Find(const Config& config) {
  InsideRoots roots;
  for (const ServiceConfig& service : config.services) {
    std::optional<Name>& name = roots.names_.emplace_back();
    if (service.root.empty()) continue;
    Result<Name> found = NameOf(config.worker.chroot, service.root);
    if (!found.Ok()) return Error{fmt::format("service {}: root: {}", service.name, found.Err().text), 0};
    name = std::move(found).Value();
  }
  return roots;
}

bool InsideRoots::LeadsThere(const Name& name) {
  struct stat info {};
  return ::stat(name.linked.c_str(), &info) == 0 && info.st_dev == name.device && info.st_ino == name.inode;
}

void InsideRoots::Rename(WorkerStart& start) const {
  const auto config = std::make_shared<Config>(*start.config);
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (!names_[i]) continue;
    ServiceConfig& service = config->services[i];
    const bool follows = LeadsThere(*names_[i]);
    if (!follows) {
      log::Warning("service {}: root: a symlink in {} does not lead there inside worker.chroot, so a new target is seen "
                   "at a reload only; write a relative one",
                   service.name, Quoted(service.root));
    }
    service.root = follows ? names_[i]->linked : names_[i]->resolved;
  }
  for (auto& [id, service] : start.services) service = config->FindService(service->name);
  start.config = config;
}

}  // namespace preforkd
