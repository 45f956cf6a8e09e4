// InsideRoots: what the folders of services are called in the workers' root (worker.chroot). Checked up
// before the process enters it, and put into the configuration behind, when it can see where the names lead.
//
// A name that keeps its symlinks is preferred: one that is switched later is followed then.
#ifndef PREFORKD_WORKER_PROCESS_INSIDE_ROOTS_H_
#define PREFORKD_WORKER_PROCESS_INSIDE_ROOTS_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/process/worker_start.h"

namespace preforkd {

class InsideRoots {
 public:
  // Outside. Error: a folder is not there, or not beneath worker.chroot.
  static Result<InsideRoots> Find(const WorkerStart& start);

  // Inside, as the worker's user: renames the folders in `start`.
  void Rename(WorkerStart& start) const;

 private:
  struct Name {
    std::string linked;    // with the symlinks that lie inside; may lead elsewhere inside
    std::string resolved;  // without
    dev_t device = 0;      // of the folder
    ino_t inode = 0;
  };
  static Result<Name> NameOf(const std::string& chroot, const std::string& root);
  static bool LeadsThere(const Name& name);

  struct Folder {
    std::string service;
    std::string setting;
    Name name;
  };
  std::vector<Folder> folders_;
};

}  // namespace preforkd

#endif
