#include "common/process/cpu_quota.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <vector>

namespace preforkd {
namespace {

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string_view Trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
}

// A positive whole number.
std::optional<double> Microseconds(std::string_view text) {
  text = Trimmed(text);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number <= 0) return std::nullopt;
  return static_cast<double>(number);
}

bool HasWord(std::string_view list, std::string_view word) {
  const std::vector<std::string_view> words = Split(list, ',');
  return std::find(words.begin(), words.end(), word) != words.end();
}

// A path in mountinfo has blanks, tabs, line ends and backslashes as \\ooo (proc(5)).
std::string Unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned code = 0;
    const char* const digits = text.data() + i + 1;
    if (text[i] == '\\' && text.size() - i > 3 &&
        std::from_chars(digits, digits + 3, code, 8).ptr == digits + 3) {
      plain += static_cast<char>(code);
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

enum class Version { kOne, kTwo };

// Where the groups of a version are mounted, and which group is the topmost there.
struct Mount {
  std::string root;
  std::string point;
};

// The last one wins: it hides those before it. Format: 36 35 98:0 /root /mount/point options - fstype source
// superoptions
std::optional<Mount> MountOf(Version version, std::string_view mountinfo) {
  constexpr std::size_t kRoot = 3;
  constexpr std::size_t kPoint = 4;
  std::optional<Mount> mount;
  for (const std::string_view line : Split(mountinfo, '\n')) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    const std::vector<std::string_view> before = Split(line.substr(0, dash), ' ');
    const std::vector<std::string_view> behind = Split(line.substr(dash + 3), ' ');
    if (before.size() <= kPoint || behind.size() < 3) continue;
    const bool found = version == Version::kTwo ? behind[0] == "cgroup2"
                                                : behind[0] == "cgroup" && HasWord(behind[2], "cpu");
    if (found) mount = {Unescaped(before[kRoot]), Unescaped(before[kPoint])};
  }
  return mount;
}

// The path of this process's group, relative to the root of its namespace: 4:cpu,cpuacct:/path, or 0::/path
// in version 2.
std::optional<std::string> GroupOf(Version version, std::string_view groups) {
  for (const std::string_view line : Split(groups, '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const bool found = version == Version::kTwo ? line.starts_with("0::") : HasWord(controllers, "cpu");
    if (found) return std::string(line.substr(second + 1));
  }
  return std::nullopt;
}

// The folder of the group beneath the mount point: "/a/b", or "" for the topmost. A mount may start at the
// group of a container while the path starts at the machine's root.
std::string FolderBeneath(const Mount& mount, std::string group) {
  if (mount.root != "/" && (group == mount.root || group.starts_with(mount.root + "/")))
    group.erase(0, mount.root.size());
  // In another namespace ("/../.."): only the mounted group is visible.
  if (!group.starts_with('/') || group == "/" || group.find("/..") != std::string::npos) return {};
  return group;
}

std::optional<CpuQuota> QuotaIn(Version version, const std::string& folder, const FileReader& read) {
  std::optional<double> cpus;
  std::string file = folder + (version == Version::kTwo ? "/cpu.max" : "/cpu.cfs_quota_us");
  const std::optional<std::string> text = read(file);
  if (!text) return std::nullopt;
  if (version == Version::kTwo) {
    cpus = QuotaOfMax(*text);
  } else if (const std::optional<std::string> period = read(folder + "/cpu.cfs_period_us")) {
    cpus = QuotaOfCfs(*text, *period);
  }
  if (!cpus) return std::nullopt;
  return CpuQuota{*cpus, std::move(file)};
}

}  // namespace

std::optional<double> QuotaOfMax(std::string_view text) {
  text = Trimmed(text);
  const std::size_t blank = text.find(' ');
  if (blank == std::string_view::npos) return std::nullopt;
  return QuotaOfCfs(text.substr(0, blank), text.substr(blank + 1));
}

std::optional<double> QuotaOfCfs(std::string_view quota, std::string_view period) {
  const std::optional<double> used = Microseconds(quota);
  const std::optional<double> within = Microseconds(period);
  if (!used || !within) return std::nullopt;
  return *used / *within;
}

std::optional<CpuQuota> FindCpuQuota(const FileReader& read) {
  const std::optional<std::string> groups = read("/proc/self/cgroup");
  const std::optional<std::string> mounts = read("/proc/self/mountinfo");
  std::optional<CpuQuota> smallest;
  if (!groups || !mounts) return smallest;
  for (const Version version : {Version::kTwo, Version::kOne}) {
    const std::optional<Mount> mount = MountOf(version, *mounts);
    const std::optional<std::string> group = GroupOf(version, *groups);
    if (!mount || !group) continue;
    // A group has at most the CPUs of those above it.
    for (std::string folder = FolderBeneath(*mount, *group);; folder.erase(folder.rfind('/'))) {
      std::optional<CpuQuota> quota = QuotaIn(version, mount->point + folder, read);
      if (quota && (!smallest || quota->cpus < smallest->cpus)) smallest = std::move(quota);
      if (folder.empty()) break;
    }
  }
  return smallest;
}

std::uint32_t CpusWithin(std::uint32_t affinity, const std::optional<CpuQuota>& quota) {
  affinity = std::max(affinity, 1U);
  if (!quota) return affinity;
  const double rounded = std::ceil(quota->cpus);
  return rounded >= static_cast<double>(affinity) ? affinity
                                                  : static_cast<std::uint32_t>(std::max(rounded, 1.0));
}

}  // namespace preforkd
