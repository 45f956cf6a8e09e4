#include "worker/module/preload_module.h"

#include <fmt/core.h>
#include <sys/mman.h>

#include <memory>
#include <span>
#include <string>
#include <utility>

#include "common/config/module_codec.h"
#include "common/event/event_loop.h"
#include "common/event/loop_calls.h"
#include "common/text/quote.h"
#include "worker/connection/worker_env.h"
#include "worker/module/host/module_state.h"
#include "worker/module/host/preload.h"
#include "worker/module/host_table.h"
#include "worker/module/module_declaration.h"
#include "worker/module/module_library.h"
#include "worker/module/module_process.h"

namespace preforkd {
namespace {

// Error: the file was written over since the configuration was read.
Result<const pfd_module*> OpenChecked(const ServiceConfig& config, const std::string& path,
                                      const ModuleFile& file) {
  const Result<const pfd_module*> table = OpenModule(path, file);
  if (!table.Ok()) return table;
  if (HasPreload(*table.Value()) && config.module && DeclaresTheSame(*table.Value(), *config.module))
    return table;
  return Error{fmt::format("'{}' {}", Escaped(path), kDeclaresOther)};
}

Result<PreloadReport> Preload(const WorkerStart& start, std::span<std::byte> memory) {
  const ServiceConfig& config = *start.services.front().second;
  const std::string path = config.settings.Text(kModulePath);
  const ModuleFile file = config.module ? config.module->file : ModuleFile();
  const std::string mark = ModuleMark(path, file);
  const Result<const pfd_module*> table = OpenChecked(config, path, file);
  if (!table.Ok()) return table.Err();
  if (mark.empty() || ModuleMark(path, file) != mark) {
    return Error{fmt::format("'{}' was replaced while it was opened; try again", Escaped(path))};
  }
  Result<EventLoop> loop = EventLoop::Create();
  if (!loop.Ok()) return loop.Err();
  Result<std::unique_ptr<LoopCalls>> calls = LoopCalls::Create(loop.Value());
  if (!calls.Ok()) return calls.Err();
  const std::unique_ptr<WorkerEnv> env(new WorkerEnv{.loop = loop.Value(),
                                                     .scoreboard = *start.scoreboard,
                                                     .row = start.scoreboard->Row(start.id.slot),
                                                     .id = start.id,
                                                     .generation = start.generation,
                                                     .config = start.config});
  pfd_service service(*env, config, *calls.Value(), nullptr, 0, true);
  pfd_arena arena(memory);
  const Result<void*> root = module::RunPreload(*table.Value(), module::HostTable(), service, arena);
  if (!root.Ok()) return root.Err();
  return PreloadReport{arena.Used(), arena.OffsetOf(root.Value()), mark};
}

}  // namespace

WorkerEntry MakeModulePreloader() {
  const auto memory = std::make_shared<std::span<std::byte>>();
  return MakeModuleProcess(
      [memory](const WorkerStart& start) -> Status {
        Result<std::span<std::byte>> mapped = start.preloads.begin()->second->MapToFill();
        if (!mapped.Ok()) return mapped.Err();
        *memory = mapped.Value();
        return {};
      },
      [memory](const WorkerStart& start) {
        const std::string answer = EncodePreload(Preload(start, *memory));
        // Before the answer: the data can be sealed only if nobody can write to it, and a process that
        // reads /proc/PID/maps may keep our memory beyond our exit.
        (void)::munmap(memory->data(), memory->size());
        return answer;
      });
}

}  // namespace preforkd
