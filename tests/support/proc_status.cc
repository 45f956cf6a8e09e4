#include "tests/support/proc_status.h"

#include <dirent.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <sstream>

#include "tests/support/temp_directory.h"

namespace preforkd::testing {
namespace {

// The fields of /proc/PID/stat from the third on (proc(5)). The second is a name that may contain anything;
// it ends with the last parenthesis.
std::vector<std::string> StatFields(pid_t pid) {
  const std::string text = ReadFile(fmt::format("/proc/{}/stat", pid));
  const std::size_t end_of_name = text.rfind(')');
  std::vector<std::string> fields;
  if (end_of_name == std::string::npos) return fields;
  std::istringstream rest(text.substr(end_of_name + 1));
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}

constexpr std::size_t kState = 0;
constexpr std::size_t kParent = 1;
constexpr std::size_t kUserTicks = 11;
constexpr std::size_t kSystemTicks = 12;

}  // namespace

std::string StatusField(pid_t pid, const std::string& field) {
  std::istringstream lines(ReadFile(fmt::format("/proc/{}/status", pid)));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(field + ":")) continue;
    const std::size_t value = line.find_first_not_of(" \t", field.size() + 1);
    return value == std::string::npos ? "" : line.substr(value);
  }
  return {};
}

std::vector<int> SignalsIn(pid_t pid, const std::string& field) {
  const std::uint64_t mask = std::strtoull(StatusField(pid, field).c_str(), nullptr, 16);
  std::vector<int> signals;
  for (int signo = 1; signo <= 64; ++signo) {
    if (signo == 32 || signo == 33) continue;  // reserved by libc: no program can set them
    if ((mask >> (signo - 1) & 1) != 0) signals.push_back(signo);
  }
  return signals;
}

std::uint64_t ResidentBytes(pid_t pid) {
  return std::strtoull(StatusField(pid, "VmRSS").c_str(), nullptr, 10) * 1024;
}

double CpuSeconds(pid_t pid) {
  const std::vector<std::string> fields = StatFields(pid);
  if (fields.size() <= kSystemTicks) return 0;
  const double ticks =
      std::strtod(fields[kUserTicks].c_str(), nullptr) + std::strtod(fields[kSystemTicks].c_str(), nullptr);
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

std::uint64_t ProportionalBytes(pid_t pid) {
  std::istringstream lines(ReadFile(fmt::format("/proc/{}/smaps_rollup", pid)));
  std::uint64_t sum = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("Pss_Anon:") || line.starts_with("Pss_Shmem:"))
      sum += std::strtoull(line.c_str() + line.find(':') + 1, nullptr, 10) * 1024;
  }
  return sum;
}

std::uint64_t CpuNanoseconds(pid_t pid) {
  return std::strtoull(ReadFile(fmt::format("/proc/{}/schedstat", pid)).c_str(), nullptr, 10);
}

std::vector<pid_t> ChildrenOf(pid_t pid) {
  std::vector<pid_t> children;
  DIR* directory = ::opendir("/proc");
  if (directory == nullptr) return children;
  while (const dirent* entry = ::readdir(directory)) {
    if (std::isdigit(static_cast<unsigned char>(entry->d_name[0])) == 0) continue;
    const pid_t candidate = std::atoi(entry->d_name);
    const std::vector<std::string> fields = StatFields(candidate);
    if (fields.size() > kParent && std::atoi(fields[kParent].c_str()) == pid) children.push_back(candidate);
  }
  ::closedir(directory);
  std::sort(children.begin(), children.end());
  return children;
}

bool IsAlive(pid_t pid) {
  const std::vector<std::string> fields = StatFields(pid);
  return !fields.empty() && fields[kState] != "Z" && fields[kState] != "X";
}

}  // namespace preforkd::testing
