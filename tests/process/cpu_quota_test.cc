// workers = "auto" in a container with a CPU quota: one worker for each usable CPU, and the log says why.
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/daemon_process.h"
#include "tests/support/temp_directory.h"

namespace preforkd::testing {
namespace {

const std::vector<std::string> kEcho = {"--service", "echo", "--listen", "127.0.0.1:0"};

bool CanUnshare() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(::unshare(CLONE_NEWNS) == 0 ? 0 : 1);
  int status = -1;
  return ::waitpid(child, &status, 0) == child && status == 0;
}

struct File {
  std::string name;
  std::string content;
};

// The view of a container in `groups` (/proc/self/cgroup): `mounted` are the fields of its mount after the
// mount point, `files` the files there.
class Container {
 public:
  Container(const std::string& groups, const std::string& mounted, const std::vector<File>& files) {
    WriteFile(folder_.Path("groups"), groups);
    WriteFile(folder_.Path("mounts"), fmt::format("30 23 0:26 / {} {}\n", folder_.Path(), mounted));
    for (const File& file : files) WriteFile(folder_.Path(file.name), file.content);
  }

  // The command that runs a program in it.
  [[nodiscard]] std::vector<std::string> Launcher() const {
    return {
        "/usr/bin/unshare",
        "--mount",
        "/bin/sh",
        "-c",
        fmt::format("mount --bind {} /proc/$$/cgroup && mount --bind {} /proc/$$/mountinfo && exec \"$@\"",
                    folder_.Path("groups"), folder_.Path("mounts")),
        "sh"};
  }

 private:
  TempDirectory folder_;
};

}  // namespace

TEST_CASE("without a quota: one worker for each CPU of the affinity mask") {
  cpu_set_t before;
  REQUIRE(::sched_getaffinity(0, sizeof(before), &before) == 0);
  cpu_set_t one;
  CPU_ZERO(&one);
  for (std::size_t cpu = 0; CPU_COUNT(&one) == 0; ++cpu) {
    if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
  }
  REQUIRE(::sched_setaffinity(0, sizeof(one), &one) == 0);
  DaemonProcess daemon;
  daemon.Serve(1, kEcho);
  REQUIRE(::sched_setaffinity(0, sizeof(before), &before) == 0);
  CHECK(daemon.AwaitEvents("workers_auto workers=1 affinity=1", 1) == 1);
}

TEST_CASE("a quota of less than one CPU: one worker") {
  if (::geteuid() != 0 || !CanUnshare()) {
    MESSAGE("skipped: no namespaces here");
    return;
  }
  const Container two("0::/\n", "rw - cgroup2 cgroup2 rw", {{"cpu.max", "50000 100000\n"}});
  const Container one("3:cpu:/\n", "rw - cgroup cgroup rw,cpu",
                      {{"cpu.cfs_quota_us", "50000\n"}, {"cpu.cfs_period_us", "100000\n"}});
  for (const Container* container : {&two, &one}) {
    DaemonProcess daemon;
    daemon.LaunchBy(container->Launcher());
    daemon.Start(kEcho);
    REQUIRE(daemon.WaitForEvent("serving generation=1 workers=1"));
    daemon.RebaseDescriptors();
    CHECK(daemon.AwaitEvents("workers_auto workers=1 quota=0.5", 1) == 1);
    CHECK(daemon.AwaitWorkers(1));
  }
}

}  // namespace preforkd::testing
