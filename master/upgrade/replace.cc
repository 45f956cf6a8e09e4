#include "master/upgrade/replace.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>

#include "common/base/log.h"
#include "common/base/sys_error.h"
#include "master/upgrade/own_program.h"
#include "master/upgrade/state/state_codec.h"
#include "master/upgrade/state/state_file.h"
#include "master/upgrade/upgrade_order.h"

namespace preforkd {

Status SetCloseOnExec(const std::vector<int>& fds, bool on) {
  Status first;
  for (const int fd : fds) {
    if (::fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0) < 0 && first.Ok())
      first = SysError("fcntl", std::to_string(fd));
  }
  return first;
}

Error ReplaceProgram(const std::string& path, const std::vector<std::string>& words,
                     const UpgradeState& state) {
  Result<UniqueFd> file = WriteStateFile(EncodeState(state));
  if (!file.Ok()) return file.Err();
  Result<UniqueFd> self = OpenOwnProgram();
  if (!self.Ok()) return self.Err();
  std::vector<int> fds = state.Descriptors();
  fds.insert(fds.end(), {file.Value().Get(), self.Value().Get()});
  const std::vector<char*> arguments = PointersTo(words);
  const std::string variable =
      std::string(kOrderVariable) +
      TextOf(UpgradeOrder{UpgradeOrder::Kind::kRestore, file.Value().Get(), self.Value().Get(), {}});
  const std::vector<char*> environment = EnvironmentWith(variable);

  sigset_t every;
  sigset_t before;
  ::sigfillset(&every);
  if (::sigprocmask(SIG_SETMASK, &every, &before) < 0) return SysError("sigprocmask");
  std::fflush(nullptr);
  Status open = SetCloseOnExec(fds, false);
  Error error;
  if (open.Ok()) {
    ::execve(path.c_str(), arguments.data(), environment.data());
    error = SysError("execve", path);
  } else {
    error = open.Err();
  }
  if (!SetCloseOnExec(fds, true).Ok())
    log::Alert(log::kDescriptorKept, "a file descriptor that must survive exec is not open any more: {}",
               error.text);
  if (::sigprocmask(SIG_SETMASK, &before, nullptr) < 0)
    log::Error(log::kSystemCallFailed, "{}", SysError("sigprocmask").text);
  return error;
}

}  // namespace preforkd
