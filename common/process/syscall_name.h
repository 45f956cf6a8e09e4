// Names of system calls, by libseccomp.
#ifndef PREFORKD_COMMON_PROCESS_SYSCALL_NAME_H_
#define PREFORKD_COMMON_PROCESS_SYSCALL_NAME_H_

#include <string>

#include "common/about/about.h"

namespace preforkd {

// "socket"; "462" for a number of this machine's kernel that libseccomp does not know.
std::string SyscallName(int number);

LibraryVersion SeccompLibrary();

}  // namespace preforkd

#endif
