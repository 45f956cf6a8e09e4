// What a process may change about its own identity (capabilities(7)).
#ifndef PREFORKD_COMMON_PROCESS_AUTHORITY_H_
#define PREFORKD_COMMON_PROCESS_AUTHORITY_H_

#include <sys/types.h>

namespace preforkd {

struct Authority {
  uid_t user = 0;              // effective
  bool change_ids = false;     // CAP_SETUID and CAP_SETGID
  bool change_owner = false;   // CAP_CHOWN: may give its files to any user
  bool change_root = false;    // CAP_SYS_CHROOT
  bool shed_bounding = false;  // CAP_SETPCAP: may clear its capability bounding set

  [[nodiscard]] bool IsRoot() const { return user == 0; }
};

// The current authority of this process.
Authority OwnAuthority();

// True if this kernel can filter the system calls of a process (seccomp(2), SECCOMP_RET_TRAP) and allows us
// to.
bool CallFiltersExist();

}  // namespace preforkd

#endif
