#include "worker/module/describe_module.h"

#include <fmt/core.h>

#include <string>

#include "common/config/module_codec.h"
#include "common/text/quote.h"
#include "worker/module/module_declaration.h"
#include "worker/module/module_library.h"
#include "worker/module/module_process.h"

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

}  // namespace

WorkerEntry MakeModuleDescriber() {
  return MakeModuleProcess(
      {}, [](const WorkerStart& start) { return EncodeModule(Describe(*start.services.front().second)); });
}

}  // namespace preforkd
