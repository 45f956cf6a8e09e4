#include "worker/self_stat.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <ctime>

#include "common/base/unique_fd.h"

namespace preforkd {
namespace {

// Second field of /proc/self/statm (proc(5)): resident pages.
std::uint64_t ResidentPages() {
  const UniqueFd file(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC));
  if (!file.Valid()) return 0;
  std::array<char, 128> text{};
  const ssize_t size = ::read(file.Get(), text.data(), text.size() - 1);
  if (size <= 0) return 0;
  char* end = nullptr;
  (void)std::strtoull(text.data(), &end, 10);
  return std::strtoull(end, nullptr, 10);
}

}  // namespace

SelfStat ReadSelfStat() {
  SelfStat stat;
  stat.rss_bytes = ResidentPages() * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::timespec cpu{};
  if (::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) == 0) {
    stat.cpu_ns = static_cast<std::uint64_t>(cpu.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(cpu.tv_nsec);
  }
  return stat;
}

}  // namespace preforkd
