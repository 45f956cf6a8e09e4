// Opens a module: a shared object with the symbol preforkd_module (worker/api/module.h). Runs the user's code
// (its constructors, and that one function), so it is called in a worker, or in a process that is thrown
// away; never in the master.
#ifndef PREFORKD_WORKER_MODULE_MODULE_LIBRARY_H_
#define PREFORKD_WORKER_MODULE_MODULE_LIBRARY_H_

#include <string>

#include "common/base/result.h"
#include "common/config/module_file.h"
#include "worker/api/module.h"

namespace preforkd {

// `path`: of the file, relative to the working directory if it does not begin with '/'; the folders of the
// system's libraries are never searched. `file`: the one that was checked; it is opened also when `path`
// names another one by now, as far as there is a /proc. Returns a table that CheckModule has accepted. It
// stays valid, and the library loaded, as long as the process. Error: one line that begins with the path.
//
// Its code may also crash, hang or end the process: the caller must be ready for that.
Result<const pfd_module*> OpenModule(const std::string& path, const ModuleFile& file = {});

// Which file OpenModule opens now: device, inode, size and time of its last change. Empty: none.
std::string ModuleMark(const std::string& path, const ModuleFile& file);

// It was built with a header that knows a preload, and has one. Precondition: CheckModule() accepted it.
inline bool HasPreload(const pfd_module& table) {
  return PFD_HAS(&table, preload) && table.preload != nullptr;
}

// Ok if this server can use the table: its interface, kind, functions, and numbers of settings and counters.
// `table` may be null. Error: a predicate, "is built for interface 2, this server has 1".
Status CheckModule(const pfd_module* table);

}  // namespace preforkd

#endif
