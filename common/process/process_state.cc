#include "common/process/process_state.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

#include "common/base/unique_fd.h"

namespace preforkd {

namespace {

bool SaysAsleep(const char* stat_file) {
  const UniqueFd file(::open(stat_file, O_RDONLY | O_CLOEXEC));
  if (!file.Valid()) return false;
  std::array<char, 128> line;  // the state is third; the name before it has at most 64 bytes
  const ssize_t size = ::read(file.Get(), line.data(), line.size());
  if (size <= 0) return false;
  const std::string_view text(line.data(), static_cast<std::size_t>(size));
  // The name is in parentheses and may contain some itself: the last one ends it.
  const std::size_t name_end = text.rfind(") ");
  if (name_end == std::string_view::npos || name_end + 2 >= text.size()) return false;
  const char state = text[name_end + 2];
  return state == 'S' || state == 'D';
}

}  // namespace

bool IsAsleep(pid_t pid) {
  std::array<char, 64> path{};
  *fmt::format_to_n(path.data(), path.size() - 1, "/proc/{}/stat", pid).out = '\0';
  return SaysAsleep(path.data());
}

bool IsAsleepBesideTheFirst(pid_t pid) {
  const std::string first = std::to_string(pid);
  std::error_code error;
  std::size_t threads = 0;
  for (std::filesystem::directory_iterator task(fmt::format("/proc/{}/task", pid), error), end;
       !error && task != end; task.increment(error)) {
    if (task->path().filename() == first) continue;
    // A thread that ends meanwhile is not asleep: it was running.
    if (!SaysAsleep((task->path() / "stat").c_str())) return false;
    ++threads;
  }
  return !error && threads > 0;
}

}  // namespace preforkd
