#include "common/process/self_stat.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>

namespace preforkd {
namespace {

constexpr const char* kOwnDescriptors = "/proc/self/fd";

struct CloseDirectory {
  void operator()(DIR* directory) const { (void)::closedir(directory); }  // read only: nothing can be lost
};

// The first three fields of /proc/self/statm (proc(5)), in pages: total size, resident, shared of the latter.
void ReadMemory(int statm, SelfStat& stat) {
  std::array<char, 128> text{};
  const ssize_t size = ::pread(statm, text.data(), text.size() - 1, 0);
  if (size <= 0) return;
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  char* end = nullptr;
  stat.virtual_bytes = std::strtoull(text.data(), &end, 10) * page;
  stat.rss_bytes = std::strtoull(end, &end, 10) * page;
  // The kernel counts the two one after the other.
  stat.shared_bytes = std::min<std::uint64_t>(std::strtoull(end, nullptr, 10) * page, stat.rss_bytes);
}

}  // namespace

UniqueFd OpenStatm() { return UniqueFd(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC)); }

SelfStat ReadSelfStat() { return ReadSelfStat(OpenStatm().Get()); }

SelfStat ReadSelfStat(int statm) {
  SelfStat stat;
  ReadMemory(statm, stat);
  std::timespec cpu{};
  if (::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) == 0) {
    stat.cpu_ns =
        static_cast<std::uint64_t>(cpu.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(cpu.tv_nsec);
  }
  return stat;
}

std::span<char> EnvironmentArea() {
  const UniqueFd file(::open("/proc/self/stat", O_RDONLY | O_CLOEXEC));
  std::array<char, 2048> text{};
  const ssize_t size = file.Valid() ? ::read(file.Get(), text.data(), text.size() - 1) : -1;
  if (size <= 0) return {};
  // env_start and env_end are fields 50 and 51 (proc(5)). Field 2 is a name that may hold any bytes; the last
  // parenthesis ends it.
  constexpr int kFieldsBetween = 48;
  const char* at = std::strrchr(text.data(), ')');
  for (int i = 0; i < kFieldsBetween && at != nullptr; ++i) at = std::strchr(at + 1, ' ');
  if (at == nullptr) return {};
  char* end = nullptr;
  const auto first = static_cast<std::uintptr_t>(std::strtoull(at, &end, 10));
  const auto last = static_cast<std::uintptr_t>(std::strtoull(end, nullptr, 10));
  if (first == 0 || last <= first) return {};
  return {reinterpret_cast<char*>(first), last - first};  // NOLINT: the kernel reports our own address
}

std::optional<std::uint64_t> AskOpenDescriptors() {
  struct stat answer {};
  if (::stat(kOwnDescriptors, &answer) != 0 || answer.st_size <= 0) return std::nullopt;
  return static_cast<std::uint64_t>(answer.st_size);
}

std::optional<std::uint64_t> CountOpenDescriptors() {
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(kOwnDescriptors));
  if (directory == nullptr) return std::nullopt;
  std::uint64_t count = 0;
  while (const dirent* entry = ::readdir(directory.get())) {
    if (entry->d_name[0] != '.') ++count;
  }
  return count - 1;  // the directory's own
}

}  // namespace preforkd
