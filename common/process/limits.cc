#include "common/process/limits.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "common/base/clock.h"
#include "common/base/sys_error.h"
#include "common/base/unique_fd.h"
#include "common/process/cpu_quota.h"

namespace preforkd {
namespace {

// Of sched_setattr(2), which glibc 2.36 does not wrap. The kernel's header for it collides with <sched.h>.
struct SchedAttributes {
  std::uint32_t size = sizeof(SchedAttributes);
  std::uint32_t policy = SCHED_OTHER;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0;  // nanoseconds; under SCHED_OTHER: the slice
  std::uint64_t deadline = 0;
  std::uint64_t period = 0;
};
static_assert(sizeof(SchedAttributes) == 48, "SCHED_ATTR_SIZE_VER0");

constexpr Duration kLimitHolds = std::chrono::milliseconds(1);

std::uint64_t AskDescriptorLimit() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 1024;
}

}  // namespace

std::uint64_t RaiseDescriptorLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &limit);  // refused: the current limit stays
  }
  return AskDescriptorLimit();
}

std::uint64_t DescriptorLimit() {
  // Of a thread, because application threads ask too. A child begins with its parent's, for as short a time.
  thread_local Time asked_at{};
  thread_local std::uint64_t answer = 0;
  const Time now = Now();
  if (now - asked_at > kLimitHolds) {
    answer = AskDescriptorLimit();
    asked_at = now;
  }
  return answer;
}

bool HasDescriptorRoom(std::uint64_t in_use_at_most, std::size_t wanted) {
  if (in_use_at_most + wanted < DescriptorLimit()) return true;
  std::array<UniqueFd, 64> probes;
  for (std::size_t i = 0; i < std::min(wanted, probes.size()); ++i) {
    probes[i] = UniqueFd(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0));
    if (!probes[i].Valid()) return false;
  }
  return true;
}

namespace {

std::uint32_t CpusByAffinity() {
  cpu_set_t set;
  CPU_ZERO(&set);
  // EINVAL: the machine has more CPUs than the set holds (1024).
  if (::sched_getaffinity(0, sizeof(set), &set) < 0) return 1;
  return static_cast<std::uint32_t>(std::max(1, CPU_COUNT(&set)));
}

// A file in /proc or /sys, whose size is not known in advance.
std::optional<std::string> ReadSmallFile(const std::string& path) {
  constexpr std::size_t kMaxBytes = 1024 * 1024;
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.Valid()) return std::nullopt;
  std::string text;
  std::array<char, 4096> buffer;
  while (text.size() < kMaxBytes) {
    const ssize_t size = ::read(fd.Get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return std::nullopt;
    if (size == 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(size));
  }
  return text;
}

}  // namespace

CpuShare UsableCpus() {
  const std::uint32_t affinity = CpusByAffinity();
  const std::optional<CpuQuota> quota = FindCpuQuota(ReadSmallFile);
  CpuShare share;
  share.cpus = CpusWithin(affinity, quota);
  share.affinity = affinity;
  if (quota) share.quota = quota->cpus;
  share.found = fmt::format("{} by affinity, ", affinity);
  share.found += quota ? fmt::format("{:.2f} by {}", quota->cpus, quota->file) : "no quota";
  return share;
}

Status UseBatchScheduling() {
  if (::sched_getscheduler(0) == SCHED_BATCH)
    return {};  // set by the process that started us, which may have forbidden the call
  const sched_param parameters{};
  if (::sched_setscheduler(0, SCHED_BATCH, &parameters) < 0)
    return SysError("sched_setscheduler", "SCHED_BATCH");
  return {};
}

Status UsePromptScheduling() {
  constexpr std::uint64_t kSliceNs = 100'000;
  SchedAttributes wanted;
  wanted.runtime = kSliceNs;
  errno = 0;
  wanted.nice = ::getpriority(PRIO_PROCESS, 0);  // the call sets this too
  if (errno != 0) return SysError("getpriority");
  if (::syscall(SYS_sched_setattr, 0, &wanted, 0) < 0) return SysError("sched_setattr", "SCHED_OTHER");
  return {};
}

}  // namespace preforkd
