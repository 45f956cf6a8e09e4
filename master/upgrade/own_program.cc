#include "master/upgrade/own_program.h"

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/prctl.h>

#include <filesystem>
#include <string_view>
#include <system_error>

#include "common/base/sys_error.h"

namespace preforkd {
namespace {

constexpr const char* kRunning = "/proc/self/exe";

}  // namespace

std::string PathOfOwnProgram() {
  const auto* name = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
  std::error_code error;
  // The program was run by fexecve(3); that descriptor is closed by now.
  if (name != nullptr && *name != '\0' && !std::string_view(name).starts_with("/dev/fd/") &&
      !std::string_view(name).starts_with("/proc/self/fd/")) {
    const std::filesystem::path path = std::filesystem::absolute(name, error);
    if (!error) return path.lexically_normal().string();
  }
  const std::filesystem::path running = std::filesystem::read_symlink(kRunning, error);
  return error ? kRunning : running.string();
}

void NameProcessAfter(const std::string& path) {
  const std::string name = std::filesystem::path(path).filename().string();
  (void)::prctl(PR_SET_NAME, name.c_str());  // truncates a long name; does not fail otherwise
}

Result<UniqueFd> OpenOwnProgram() {
  UniqueFd file(::open(kRunning, O_RDONLY | O_CLOEXEC));
  if (!file.Valid()) return SysError("open", kRunning);
  return file;
}

}  // namespace preforkd
