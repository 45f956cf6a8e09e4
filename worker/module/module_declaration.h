// What the table of a module declares, as plain data that outlives the library and can leave the process.
#ifndef PREFORKD_WORKER_MODULE_MODULE_DECLARATION_H_
#define PREFORKD_WORKER_MODULE_MODULE_DECLARATION_H_

#include "common/base/result.h"
#include "common/config/module_declaration.h"
#include "worker/api/module.h"

namespace preforkd {

// Precondition: CheckModule() accepted the table. Error: a predicate, "has a counter without a name". Names,
// ranges and defaults of settings are not checked here (CheckSettings).
Result<ModuleDeclaration> DeclarationOf(const pfd_module& table);

// False: its settings are not those that were checked. It is not the file that was checked then: that was
// written over (cp), or a program before an upgrade checked it. Another version that declares the same may
// do.
bool DeclaresTheSame(const pfd_module& table, ModuleDeclaration checked);
// What the log says then, behind the path.
inline constexpr const char* kDeclaresOther =
    "declares something else than when the configuration was read; reload again";

}  // namespace preforkd

#endif
