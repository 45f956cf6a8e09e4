#include "common/process/oom.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <charconv>

namespace preforkd {
namespace {

// /proc/vmstat has some 200 lines.
constexpr std::size_t kMaxBytes = 16384;
constexpr std::string_view kName = "oom_kill ";

std::string ReadFrom(int fd) {
  std::string text(kMaxBytes, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::pread(fd, text.data() + size, text.size() - size, static_cast<off_t>(size));
    if (got <= 0) break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  return text;
}

// Removes the next line from `text` and returns it.
std::string_view NextLine(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

bool Lists(std::string_view controllers, std::string_view name) {
  return ("," + std::string(controllers) + ",").find("," + std::string(name) + ",") != std::string::npos;
}

}  // namespace

std::optional<std::uint64_t> OomKillsIn(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = NextLine(text);
    if (!line.starts_with(kName)) continue;
    std::uint64_t count = 0;
    const char* const begin = line.data() + kName.size();
    const char* const end = line.data() + line.size();
    const auto [stop, error] = std::from_chars(begin, end, count);
    return error == std::errc() && stop == end ? std::optional(count) : std::nullopt;
  }
  return std::nullopt;
}

std::vector<std::string> OomCounterPaths(std::string_view cgroups) {
  std::vector<std::string> paths;
  while (!cgroups.empty()) {
    const std::string_view line = NextLine(cgroups);  // "4:memory:/user.slice", "0::/user.slice"
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const std::string_view group = line.substr(second + 1) == "/" ? "" : line.substr(second + 1);
    if (Lists(controllers, "memory")) {
      paths.push_back(fmt::format("/sys/fs/cgroup/memory{}/memory.oom_control", group));
      paths.emplace_back("/sys/fs/cgroup/memory/memory.oom_control");
    } else if (line.starts_with("0::")) {
      paths.push_back(fmt::format("/sys/fs/cgroup{}/memory.events", group));
      paths.emplace_back("/sys/fs/cgroup/memory.events");
    }
  }
  paths.emplace_back("/proc/vmstat");
  return paths;
}

OomCounter::OomCounter() {
  const UniqueFd own(::open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC));
  for (const std::string& path : OomCounterPaths(own.Valid() ? ReadFrom(own.Get()) : std::string())) {
    file_ = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file_.Valid() && Read()) return;
  }
  file_.Reset();
}

std::optional<std::uint64_t> OomCounter::Read() const {
  return file_.Valid() ? OomKillsIn(ReadFrom(file_.Get())) : std::nullopt;
}

}  // namespace preforkd
