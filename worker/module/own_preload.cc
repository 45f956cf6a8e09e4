#include "worker/module/own_preload.h"

#include <sys/mman.h>

#include <span>

#include "common/base/log.h"
#include "common/base/sys_error.h"
#include "common/config/module_declaration.h"
#include "common/process/preload_area.h"
#include "worker/module/host/module_state.h"
#include "worker/module/host/preload.h"

namespace preforkd {

Status EnsurePreloaded(const pfd_module& table, const pfd_host& host, pfd_service& service,
                       const std::string& mark) {
  auto& preloads = service.env.modules.preloads;
  const std::string& name = service.config.name;
  const auto shared = preloads.find(name);
  if (shared != preloads.end() && shared->second.module == mark) return {};
  const bool replaced = shared != preloads.end();
  log::Notice({log::kModulePreloadsAlone, {{"service", name}, {"cause", replaced ? "new_file" : "upgrade"}}},
              "loading for this worker alone: {}",
              replaced ? "its module's file is not the one that has preloaded; reload"
                       : "the program before this one has preloaded");
  const std::uint64_t size = service.config.settings.Size(kPreloadMax);
  void* const base =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) return SysError("mmap", kPreloadMax);
  pfd_arena arena(std::span(static_cast<std::byte*>(base), size));
  const Result<void*> root = module::RunPreload(table, host, service, arena);
  if (!root.Ok()) return root.Err();
  const std::size_t kept = WholePages(arena.Used());
  if (kept < size) (void)::munmap(static_cast<std::byte*>(base) + kept, size - kept);
  preloads[name] = {root.Value(), arena.Used(), mark};  // for the life of the process
  return {};
}

}  // namespace preforkd
