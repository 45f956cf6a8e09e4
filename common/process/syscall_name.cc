#include "common/process/syscall_name.h"

#include <seccomp.h>

#include <cstdlib>
#include <memory>

namespace preforkd {

std::string SyscallName(int number) {
  const std::unique_ptr<char, void (*)(void*)> name(
      ::seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number), std::free);
  return name != nullptr ? std::string(name.get()) : std::to_string(number);
}

}  // namespace preforkd
