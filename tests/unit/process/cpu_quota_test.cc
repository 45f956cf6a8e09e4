// The CPU quota of control groups, of both versions, as machines, containers and nested groups show it.
#include "common/process/cpu_quota.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

namespace preforkd::testing {
namespace {

using Files = std::map<std::string, std::string>;

std::optional<CpuQuota> Find(const Files& files) {
  return FindCpuQuota([&](const std::string& path) -> std::optional<std::string> {
    const auto found = files.find(path);
    if (found == files.end()) return std::nullopt;
    return found->second;
  });
}

constexpr const char* kMountTwo =
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
constexpr const char* kMountOne =
    "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n";

Files Two(const std::string& group, Files more) {
  more["/proc/self/mountinfo"] = std::string("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n") + kMountTwo;
  more["/proc/self/cgroup"] = "0::" + group + "\n";
  return more;
}

Files One(const std::string& group, Files more) {
  more["/proc/self/mountinfo"] =
      std::string("34 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n") + kMountOne;
  more["/proc/self/cgroup"] = "5:cpuset:/\n4:cpu,cpuacct:" + group + "\n1:name=systemd:/x\n0::/y\n";
  return more;
}

}  // namespace

TEST_CASE("cpu.max") {
  CHECK(QuotaOfMax("150000 100000\n") == 1.5);
  CHECK(QuotaOfMax("20000 100000") == 0.2);
  for (const char* none : {"max 100000\n", "", "\n", "150000", "150000 ", "0 100000", "100 0", "-1 100000",
                           "a b", "150000 100000 3", "99999999999999999999 100000", "1.5 1"}) {
    CAPTURE(none);
    CHECK_FALSE(QuotaOfMax(none));
  }
}

TEST_CASE("cpu.cfs_quota_us and cpu.cfs_period_us") {
  CHECK(QuotaOfCfs("200000\n", "100000\n") == 2.0);
  CHECK(QuotaOfCfs("50000", "25000") == 2.0);
  CHECK_FALSE(QuotaOfCfs("-1\n", "100000\n"));
  CHECK_FALSE(QuotaOfCfs("200000", "0"));
  CHECK_FALSE(QuotaOfCfs("", "100000"));
}

TEST_CASE("version 2: the smallest on the way up wins, and missing files have no effect") {
  CHECK_FALSE(Find(Two("/", {})));
  CHECK_FALSE(Find(Two("/a/b", {{"/sys/fs/cgroup/a/b/cpu.max", "max 100000\n"}})));
  CHECK(Find(Two("/", {{"/sys/fs/cgroup/cpu.max", "200000 100000\n"}})) ==
        CpuQuota{2, "/sys/fs/cgroup/cpu.max"});
  const Files nested = Two("/a/b", {{"/sys/fs/cgroup/a/b/cpu.max", "400000 100000\n"},
                                    {"/sys/fs/cgroup/a/cpu.max", "150000 100000\n"},
                                    {"/sys/fs/cgroup/cpu.max", "max 100000\n"}});
  CHECK(Find(nested) == CpuQuota{1.5, "/sys/fs/cgroup/a/cpu.max"});
  const Files own = Two("/a/b", {{"/sys/fs/cgroup/a/b/cpu.max", "50000 100000\n"},
                                 {"/sys/fs/cgroup/a/cpu.max", "150000 100000\n"}});
  CHECK(Find(own) == CpuQuota{0.5, "/sys/fs/cgroup/a/b/cpu.max"});
}

TEST_CASE("version 1: the group of the cpu controller, whatever is mounted with it") {
  CHECK_FALSE(Find(One("/", {{"/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n"},
                             {"/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"}})));
  const Files limited = One("/pod/c", {{"/sys/fs/cgroup/cpu,cpuacct/pod/c/cpu.cfs_quota_us", "-1\n"},
                                       {"/sys/fs/cgroup/cpu,cpuacct/pod/c/cpu.cfs_period_us", "100000\n"},
                                       {"/sys/fs/cgroup/cpu,cpuacct/pod/cpu.cfs_quota_us", "250000\n"},
                                       {"/sys/fs/cgroup/cpu,cpuacct/pod/cpu.cfs_period_us", "100000\n"}});
  CHECK(Find(limited) == CpuQuota{2.5, "/sys/fs/cgroup/cpu,cpuacct/pod/cpu.cfs_quota_us"});
}

TEST_CASE("in a container the mount may begin at its own group, while the path counts from the machine's") {
  Files files = {
      {"/proc/self/cgroup", "4:cpu:/docker/abc\n"},
      {"/proc/self/mountinfo", "40 39 0:30 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n"},
      {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n"},
      {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}};
  CHECK(Find(files) == CpuQuota{2, "/sys/fs/cgroup/cpu/cpu.cfs_quota_us"});
  files["/proc/self/cgroup"] = "4:cpu:/docker/abcdef\n";  // another group, which is not visible
  CHECK(Find(files) == CpuQuota{2, "/sys/fs/cgroup/cpu/cpu.cfs_quota_us"});
  files["/proc/self/cgroup"] = "4:cpu:/../../other\n";
  CHECK(Find(files) == CpuQuota{2, "/sys/fs/cgroup/cpu/cpu.cfs_quota_us"});
}

TEST_CASE("both versions at once: the smaller quota; a mount point with a blank; lines that make no sense") {
  const Files files = {{"/proc/self/cgroup", "nonsense\n:\n2:cpu:/\n0::/\n"},
                       {"/proc/self/mountinfo", std::string("x\n - \n1 2 3 - cgroup2\n") + kMountTwo +
                                                    "33 31 0:30 / /my\\040cpu rw - cgroup cgroup rw,cpu\n"},
                       {"/sys/fs/cgroup/cpu.max", "300000 100000\n"},
                       {"/my cpu/cpu.cfs_quota_us", "100000\n"},
                       {"/my cpu/cpu.cfs_period_us", "100000\n"}};
  CHECK(Find(files) == CpuQuota{1, "/my cpu/cpu.cfs_quota_us"});
  CHECK_FALSE(Find({}));
  CHECK_FALSE(Find({{"/proc/self/cgroup", ""}, {"/proc/self/mountinfo", ""}}));
}

TEST_CASE("CPUs: the quota is rounded up, and the smaller of both holds") {
  CHECK(CpusWithin(128, std::nullopt) == 128);
  CHECK(CpusWithin(128, CpuQuota{2, ""}) == 2);
  CHECK(CpusWithin(128, CpuQuota{1.01, ""}) == 2);
  CHECK(CpusWithin(128, CpuQuota{0.1, ""}) == 1);
  CHECK(CpusWithin(2, CpuQuota{64, ""}) == 2);
  CHECK(CpusWithin(2, CpuQuota{1e18, ""}) == 2);
  CHECK(CpusWithin(0, std::nullopt) == 1);
}

}  // namespace preforkd::testing
