// --user as root: who the workers are. Outside of Bazel's sandbox, in which there is one user only.
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <pwd.h>
#include <unistd.h>

#include <csignal>

#include "tests/support/daemon_process.h"
#include "tests/support/proc_status.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

const std::vector<std::string> kFlags = {"--service", "echo", "--listen", "127.0.0.1:0", "--workers", "2"};

// Root, and more than one user exists: in a user namespace with a single uid nobody can be become.
bool CanBecomeNobody() {
  const std::string map = ReadFile("/proc/self/uid_map");
  unsigned long inside = 0;
  unsigned long outside = 0;
  unsigned long count = 0;
  const bool read = std::sscanf(map.c_str(), "%lu %lu %lu", &inside, &outside, &count) == 3;
  return ::geteuid() == 0 && read && count > 65534 && ::getpwnam("nobody") != nullptr;
}

}  // namespace

TEST_CASE("--user: workers are that user with its groups; the master stays root") {
  if (!CanBecomeNobody()) {
    MESSAGE("skipped: needs root and more than one user id");
    return;
  }
  DaemonProcess daemon;
  std::vector<std::string> flags = kFlags;
  flags.insert(flags.end(), {"--user", "nobody"});
  daemon.Serve(2, flags);
  const passwd* nobody = ::getpwnam("nobody");
  const std::string uids = fmt::format("{0}\t{0}\t{0}\t{0}", nobody->pw_uid);
  const std::string gids = fmt::format("{0}\t{0}\t{0}\t{0}", nobody->pw_gid);
  for (const pid_t worker : daemon.WorkerPids()) {
    CHECK(StatusField(worker, "Uid") == uids);
    CHECK(StatusField(worker, "Gid") == gids);
    CHECK(StatusField(worker, "Groups").starts_with(fmt::format("{}", nobody->pw_gid)));
    CHECK(StatusField(worker, "CapEff") == "0000000000000000");
  }
  TcpClient client(daemon.Address());
  CHECK(client.Echoes("ping"));
  // The death signal must have survived the change of identity: it is set after it.
  daemon.ExpectOrphans();
  daemon.ExpectExit(128 + SIGKILL);
  client.Close();
  daemon.Signal(SIGKILL);
  CHECK(daemon.Wait() == 128 + SIGKILL);
}

}  // namespace preforkd::testing
