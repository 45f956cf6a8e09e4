// InsideRoots: the names of services' folders and modules inside the workers' root (worker.chroot). They are
// looked up before the process enters the root, and written to the configuration afterwards, when they can be
// verified.
//
// A name that keeps its symlinks is preferred, because then a later change of the symlink takes effect.
#ifndef PREFORKD_WORKER_PROCESS_INSIDE_ROOTS_H_
#define PREFORKD_WORKER_PROCESS_INSIDE_ROOTS_H_

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/process/worker_start.h"

namespace preforkd {

class InsideRoots {
 public:
  // Call outside the root. Error: a folder does not exist or is not beneath worker.chroot.
  static Result<InsideRoots> Find(const WorkerStart& start);

  // Call inside the root, as the worker's user: renames the folders in `start`.
  void Rename(WorkerStart& start) const;

 private:
  struct Name {
    std::string linked;    // with symlinks; inside the root they may lead to another place
    std::string resolved;  // without symlinks
    dev_t device = 0;      // of the folder
    ino_t inode = 0;
  };
  static Result<Name> NameOf(const std::string& chroot, const std::string& root);
  static bool LeadsThere(const Name& name);

  struct Folder {
    std::string service;
    std::vector<std::size_t>
        table;  // its place among the tables, and in those of that one; empty: the service
    std::string setting;
    Name name;
  };
  // Adds those of one section; `named.name` and `named.setting` are set for each.
  Status Add(const Settings& settings, bool module, const std::string& chroot, Folder named);
  Status AddTables(const std::vector<SettingsTable>& tables, const std::string& chroot, const Folder& named);
  std::vector<Folder> folders_;
};

}  // namespace preforkd

#endif
