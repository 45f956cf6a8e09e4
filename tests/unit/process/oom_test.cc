#include "common/process/oom.h"

#include <doctest/doctest.h>

namespace preforkd::testing {

TEST_CASE("the count of OOM kills, as each kernel file tells it") {
  struct Row {
    const char* text;
    std::optional<std::uint64_t> count;
  };
  for (const Row& row :
       {Row{"low 0\nhigh 12\nmax 3\noom 5\noom_kill 4\noom_group_kill 0\n", 4},  // memory.events
        Row{"oom_kill_disable 0\nunder_oom 1\noom_kill 17\n", 17},               // memory.oom_control
        Row{"nr_free_pages 8\nthp_swpout 0\noom_kill 18446744073709551615", 18446744073709551615U},
        Row{"oom_kill 0\n", 0}, Row{"oom_kill_disable 0\nunder_oom 0\n", std::nullopt},  // before Linux 4.13
        Row{"", std::nullopt}, Row{"oom_kill", std::nullopt}, Row{"oom_kill \n", std::nullopt},
        Row{"oom_kill -1\n", std::nullopt}, Row{"oom_kill 1x\n", std::nullopt},
        Row{"oom_kill 18446744073709551616\n", std::nullopt}, Row{"xoom_kill 3\n", std::nullopt}}) {
    CAPTURE(row.text);
    CHECK(OomKillsIn(row.text) == row.count);
  }
}

TEST_CASE(
    "where to look: the group of version 1 or 2, its mount as a container sees it, and the machine last") {
  using Paths = std::vector<std::string>;
  CHECK(OomCounterPaths("0::/system.slice/preforkd.service\n") ==
        Paths{"/sys/fs/cgroup/system.slice/preforkd.service/memory.events", "/sys/fs/cgroup/memory.events",
              "/proc/vmstat"});
  CHECK(OomCounterPaths("9:cpu,cpuacct:/a\n4:hugetlb,memory:/b\n1:name=systemd:/c\n") ==
        Paths{"/sys/fs/cgroup/memory/b/memory.oom_control", "/sys/fs/cgroup/memory/memory.oom_control",
              "/proc/vmstat"});
  CHECK(OomCounterPaths("0::/\n") ==
        Paths{"/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory.events", "/proc/vmstat"});
  for (const char* none : {"", "\n", "garbage\n", "1:cpu\n", "4:memoryx:/\n"}) {
    CHECK(OomCounterPaths(none) == Paths{"/proc/vmstat"});
  }
}

}  // namespace preforkd::testing
