// The harness must fail a test when it should: each fault is caused on purpose here, and the complaints are
// checked.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "tests/support/daemon_process.h"
#include "tests/support/proc_status.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

const std::vector<std::string> kEcho = {"--service", "echo", "--listen", "127.0.0.1:0", "--workers", "2"};

bool Complains(const std::vector<std::string>& complaints, std::string_view of) {
  return std::any_of(complaints.begin(), complaints.end(),
                     [of](const std::string& complaint) { return complaint.find(of) != std::string::npos; });
}

void Append(const std::string& path, std::string_view text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND);
  REQUIRE(fd >= 0);
  REQUIRE(::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  ::close(fd);
}

}  // namespace

TEST_CASE("a correct server causes no complaint") {
  DaemonProcess daemon;
  daemon.Serve(2, kEcho);
  {
    TcpClient client(daemon.Address());
    CHECK(client.Echoes("hello"));
  }
  CHECK(daemon.Finish().empty());
}

TEST_CASE("an alert in the log is a complaint unless it is expected") {
  for (const bool expected : {false, true}) {
    DaemonProcess daemon;
    daemon.Serve(2, kEcho);
    Append(daemon.Path("stderr"),
           "2024-01-01T00:00:00.000000Z alert   master pid=1 event=check_failed cause=test: injected\n");
    if (expected) daemon.ExpectEvent("check_failed cause=test");
    CHECK(Complains(daemon.Finish(), "injected") != expected);
  }
}

TEST_CASE("a sanitizer's report is a complaint") {
  for (const char* report :
       {"ERROR: AddressSanitizer: x", "ERROR: LeakSanitizer: x", "a.cc:1: runtime error: x"}) {
    DaemonProcess daemon;
    daemon.Serve(2, kEcho);
    Append(daemon.Path("stderr"), std::string(report) + "\n");
    CHECK(Complains(daemon.Finish(), report));
  }
}

TEST_CASE("a worker that ends unasked is a complaint") {
  DaemonProcess daemon;
  daemon.Serve(2, kEcho);
  const int victim = daemon.ReadyWorkers().front().pid;
  REQUIRE(::kill(victim, SIGKILL) == 0);
  REQUIRE(daemon.WaitForEvent("worker_ready", 3));
  const std::vector<std::string> complaints = daemon.Finish();
  CHECK(complaints.size() == 1);
  CHECK(Complains(complaints, " event=worker_exited "));
}

TEST_CASE("a process left behind is a complaint") {
  DaemonProcess daemon;
  daemon.Serve(2, kEcho);
  const pid_t stray = ::fork();
  REQUIRE(stray >= 0);
  if (stray == 0) {
    for (;;) ::pause();
  }
  CHECK(Complains(daemon.Finish(), "a process left behind"));
  CHECK_FALSE(IsAlive(stray));
}

TEST_CASE("one descriptor more than at the start is a complaint") {
  DaemonProcess daemon;
  daemon.Serve(2, kEcho);
  // From outside, a worker that was added and stays looks like a leak.
  daemon.Signal(SIGTTIN);
  REQUIRE(daemon.AwaitWorkers(3));
  const std::vector<std::string> complaints = daemon.Finish();
  CHECK(Complains(complaints, "the master's descriptors differ"));
  CHECK(Complains(complaints, "anon_inode:[pidfd]: 2, then 3"));
}

TEST_CASE("a file left behind is a complaint") {
  DaemonProcess daemon;
  daemon.Serve(2, kEcho);
  WriteFile(daemon.Path("surprise"), "x");
  CHECK(Complains(daemon.Finish(), "a file left behind: surprise"));
}

TEST_CASE("an unexpected exit code is a complaint") {
  DaemonProcess daemon;
  daemon.Start({"--no-such-flag"});
  REQUIRE(daemon.Wait() == 64);
  CHECK(Complains(daemon.Finish(), "exit code 64"));
}

}  // namespace preforkd::testing
