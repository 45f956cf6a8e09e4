#include "worker/module/describe_module.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "common/base/exit_code.h"
#include "common/config/module_codec.h"
#include "common/text/quote.h"
#include "worker/module/module_declaration.h"
#include "worker/module/module_library.h"
#include "worker/process/child_setup.h"

namespace preforkd {
namespace {

Result<ModuleDeclaration> Describe(const ServiceConfig& service) {
  const std::string& path = service.settings.Text(kModulePath);
  const Result<const pfd_module*> table =
      OpenModule(path, service.module ? service.module->file : ModuleFile());
  if (!table.Ok()) return table.Err();
  Result<ModuleDeclaration> module = DeclarationOf(*table.Value());
  if (!module.Ok()) return Error{fmt::format("'{}' {}", Escaped(path), module.Err().text)};
  return module;
}

bool WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::write(fd, bytes.data(), bytes.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
  return true;
}

WorkerExit Run(WorkerStart& start) {
  const Result<ChildDescriptors> descriptors = SetUpChild(start);
  if (!descriptors.Ok()) {
    start.scoreboard->Row(start.id.slot).startup.Write(descriptors.Err().text);
    return WorkerExit::kStartFailed;
  }
  // Standard output may be what a person asked for: --print-config. What the module prints is no part of it.
  (void)::dup2(STDERR_FILENO, STDOUT_FILENO);
  const std::string answer = EncodeModule(Describe(*start.services.front().second));
  return WriteAll(descriptors.Value().channel.Get(), answer) ? WorkerExit::kRetired : WorkerExit::kLoopFailed;
}

}  // namespace

WorkerEntry MakeModuleDescriber() {
  return [](WorkerStart start) {
    // Not exit(3): the destructors of the module are user code as well, and nobody waits for them.
    ::_exit(static_cast<int>(Run(start)));
  };
}

}  // namespace preforkd
