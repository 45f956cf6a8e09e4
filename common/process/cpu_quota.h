// The CPU quota of the control groups of this process (cgroups(7)). A container with a limit of 2 CPUs sees
// every CPU of its node; one worker for each of those would only slow it down.
//
// Pure: the caller reads the files.
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
  std::string file;  // the file with the limit

  bool operator==(const CpuQuota&) const = default;
};

// The content of a file; nullopt: it does not exist or cannot be read.
using FileReader = std::function<std::optional<std::string>(const std::string& path)>;

// cpu.max of version 2: "150000 100000" is 1.5, "max 100000" is no limit. nullopt: no limit, or not
// understood.
std::optional<double> QuotaOfMax(std::string_view text);
// The same for cpu.cfs_quota_us and cpu.cfs_period_us of version 1; a quota of -1 is no limit.
std::optional<double> QuotaOfCfs(std::string_view quota, std::string_view period);

// The smallest quota of the groups of this process, from its own up to the topmost visible one, of both
// versions. nullopt: there is no limit.
std::optional<CpuQuota> FindCpuQuota(const FileReader& read);

// The number of CPUs to use: those of the affinity mask, at most the quota rounded up; at least 1.
std::uint32_t CpusWithin(std::uint32_t affinity, const std::optional<CpuQuota>& quota);

}  // namespace preforkd

#endif
