#include "master/system/leftovers.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <string>

#include "common/base/log.h"
#include "common/base/sys_error.h"
#include "common/base/unique_fd.h"
#include "common/text/quote.h"

namespace preforkd {
namespace {

constexpr std::size_t kMaxNamed = 8;

struct CloseDirectory {
  // The directory was only read: an error does not matter.
  void operator()(DIR* directory) const { (void)::closedir(directory); }
};

// "5 (/var/log/x)", "6 (socket:[123])".
std::string NameOf(int fd) {
  std::array<char, 256> target{};
  const ssize_t size = ::readlink(fmt::format("/proc/self/fd/{}", fd).c_str(), target.data(), target.size());
  return fmt::format("{} ({})", fd,
                     size > 0 ? Escaped({target.data(), static_cast<std::size_t>(size)}) : "?");
}

}  // namespace

std::vector<int> FindLeftOpen(std::size_t passed) {
  const int first = STDERR_FILENO + 1 + static_cast<int>(passed);
  std::vector<int> fds;
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir("/proc/self/fd"));
  if (directory == nullptr) {
    if (::close_range(static_cast<unsigned>(first), ~0U, 0) < 0)
      log::Warning(log::kSystemCallFailed, "{}", SysError("close_range").text);
    return fds;
  }
  while (const dirent* entry = ::readdir(directory.get())) {
    const int fd = std::atoi(entry->d_name);  // "." and ".." give 0
    if (fd >= first && fd != ::dirfd(directory.get())) fds.push_back(fd);
  }
  std::sort(fds.begin(), fds.end());
  return fds;
}

void CloseLeftOpen(const std::vector<int>& fds) {
  if (fds.empty()) return;
  std::vector<std::string> names;
  const std::vector<int> named(fds.begin(),
                               fds.begin() + static_cast<std::ptrdiff_t>(std::min(fds.size(), kMaxNamed)));
  for (const int fd : fds) {
    if (names.size() < kMaxNamed) names.push_back(NameOf(fd));
    UniqueFd(fd).Reset();
  }
  const std::size_t more = fds.size() - names.size();
  log::Notice({log::kDescriptorsClosed,
               {{"descriptors", fds.size()}, {"fds", fmt::format("{}", fmt::join(named, ","))}}},
              "closed file descriptors left open by the parent process: {}{}", fmt::join(names, ", "),
              more == 0 ? "" : fmt::format(" and {} more", more));
}

void CancelTimers() {
  const itimerval none{};
  for (const auto which : {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF})
    (void)::setitimer(which, &none, nullptr);
}

}  // namespace preforkd
