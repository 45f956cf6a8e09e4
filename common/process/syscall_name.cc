#include "common/process/syscall_name.h"

#include <fmt/core.h>
#include <seccomp.h>

#include <cstdlib>
#include <memory>

namespace preforkd {

std::string SyscallName(int number) {
  const std::unique_ptr<char, void (*)(void*)> name(
      ::seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number), std::free);
  return name != nullptr ? std::string(name.get()) : std::to_string(number);
}

LibraryVersion SeccompLibrary() {
  const scmp_version* const loaded = ::seccomp_version();
  return {"libseccomp", LibraryVersion::Linked::kStatic,
          fmt::format("{}.{}.{}", SCMP_VER_MAJOR, SCMP_VER_MINOR, SCMP_VER_MICRO),
          loaded == nullptr ? "" : fmt::format("{}.{}.{}", loaded->major, loaded->minor, loaded->micro)};
}

}  // namespace preforkd
