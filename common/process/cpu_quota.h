// The CPU quota of the control groups that this process is in (cgroups(7)): a container with a limit of 2
// sees every CPU of its node, and a program that starts a worker for each only gets in its own way.
//
// Pure but for the reading of files, which is the caller's.
#ifndef PREFORKD_COMMON_PROCESS_CPU_QUOTA_H_
#define PREFORKD_COMMON_PROCESS_CPU_QUOTA_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace preforkd {

// CPU time that a group may use, as a number of CPUs.
struct CpuQuota {
  double cpus = 0;
  std::string file;  // that says so

  bool operator==(const CpuQuota&) const = default;
};

// The content of a file; nullopt: there is none, or it cannot be read.
using FileReader = std::function<std::optional<std::string>(const std::string& path)>;

// cpu.max of version 2: "150000 100000" is 1.5, "max 100000" no limit. nullopt: no limit, or no sense.
std::optional<double> QuotaOfMax(std::string_view text);
// cpu.cfs_quota_us and cpu.cfs_period_us of version 1; a quota of -1 is no limit. The same.
std::optional<double> QuotaOfCfs(std::string_view quota, std::string_view period);

// The smallest quota of the groups of this process, from its own up to the topmost that can be seen, of both
// versions. nullopt: there is no limit.
std::optional<CpuQuota> FindCpuQuota(const FileReader& read);

// CPUs to plan for: those of the affinity mask, no more than the quota rounded up; at least 1.
std::uint32_t CpusWithin(std::uint32_t affinity, const std::optional<CpuQuota>& quota);

}  // namespace preforkd

#endif
