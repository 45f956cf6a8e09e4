// Names of system calls.
#ifndef PREFORKD_COMMON_PROCESS_SYSCALL_NAME_H_
#define PREFORKD_COMMON_PROCESS_SYSCALL_NAME_H_

#include <string>

namespace preforkd {

// "socket"; "462" for a number of this machine's kernel that libseccomp does not know.
std::string SyscallName(int number);

}  // namespace preforkd

#endif
