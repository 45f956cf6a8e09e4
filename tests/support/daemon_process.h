// DaemonProcess: runs the real program in a private folder and checks how it behaved.
//
// Owns the process, its folder and its log. The destructor stops the program and fails the test for anything
// that no test may leave behind: an alert or a sanitizer's report in the log, a worker that ended unasked, a
// process or file left over, a number of descriptors in the master that differs from the one at the start, an
// unexpected exit code. A test that causes one of these on purpose calls Expect... first.
// Destroy clients before it: their connections are descriptors of the server.
#ifndef PREFORKD_TESTS_SUPPORT_DAEMON_PROCESS_H_
#define PREFORKD_TESTS_SUPPORT_DAEMON_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "tests/support/command.h"
#include "tests/support/config_text.h"
#include "tests/support/fd_snapshot.h"
#include "tests/support/log_oracle.h"
#include "tests/support/temp_directory.h"
#include "tests/support/wait_until.h"

namespace preforkd::testing {

// Programs, as a test names them in `data`.
inline constexpr const char* kPreforkd = "preforkd";
inline constexpr const char* kPreforkdWithFaults = "tests/fault/preforkd_with_faults";

class DaemonProcess {
 public:
  explicit DaemonProcess(std::string binary = kPreforkd);
  DaemonProcess(const DaemonProcess&) = delete;
  DaemonProcess& operator=(const DaemonProcess&) = delete;
  ~DaemonProcess();

  // ---- before and while it runs ----

  // The path of a file in the private folder. Only *.log may still be there at the end.
  [[nodiscard]] std::string Path(std::string_view name) const { return folder_.Path(name); }
  // The configuration file; Start passes it when there is one.
  void WriteConfig(std::string_view text);
  void WriteConfig(const ConfigText& config) { WriteConfig(config.Text()); }
  [[nodiscard]] std::string ConfigPath() const { return Path("preforkd.toml"); }

  // From the next Start on the program runs as the user nobody, with this limit of descriptors. False, and no
  // change, where that is impossible: without root, or where only one user id exists.
  [[nodiscard]] bool BecomeNobody(std::uint64_t descriptors);
  // With BecomeNobody: it keeps CAP_NET_BIND_SERVICE in every set, like a unit with AmbientCapabilities=.
  void KeepPortCapability() { keeps_port_capability_ = true; }
  // From the next Start on the program has one more environment variable.
  void SetEnvironment(const std::string& name, const std::string& value) { variables_[name] = value; }
  // From the next Start on the program gets this socket as from a service manager (sd_listen_fds(3)). `fd` is
  // borrowed.
  void PassSocket(const std::string& name, int fd) { sockets_.emplace_back(name, fd); }
  // From the next Start on this command (a path first) starts the program, whose own command line is
  // appended. MasterPid, WorkerPids and the check of descriptors are right only if the command execs the
  // program.
  void LaunchBy(const std::vector<std::string>& command) { launcher_ = command; }
  // Starts the program; does not wait for anything.
  void Start(const std::vector<std::string>& arguments = {});
  // Start, then wait until `workers` workers are ready. Fails the test when that does not happen.
  void Serve(std::size_t workers, const std::vector<std::string>& arguments = {});
  // For a program that ends by itself: its exit code, or -1 if it did not end.
  int Run(const std::vector<std::string>& arguments);

  void Signal(int signo) const;
  // The exit code, or 128 + the signal that ended it; nullopt if it still runs after `timeout`.
  std::optional<int> Wait(Duration timeout = kTimeout);

  // ---- looking at it ----

  [[nodiscard]] pid_t MasterPid() const { return pid_; }
  // Children of the master that are not zombies.
  [[nodiscard]] std::vector<pid_t> WorkerPids() const;
  // Workers that are ready according to the log, and neither retiring nor gone.
  [[nodiscard]] std::vector<WorkerLife> ReadyWorkers() const;
  // Waits until exactly this many are ready and no other worker process exists.
  [[nodiscard]] bool AwaitWorkers(std::size_t count, Duration timeout = kTimeout) const;

  // Waits until every connection is back in the master: a worker's only socket is its channel then. (Asking
  // for the status would open another connection.)
  [[nodiscard]] bool AwaitAllParked(Duration timeout = kTimeout) const;

  // Standard error and every *.log in the folder.
  [[nodiscard]] std::string Log() const;
  [[nodiscard]] std::string Output() const { return ReadFile(Path("stdout")); }
  // Standard error, only for the errors of a program that never served: an unknown flag, problems of a
  // configuration (--check or a start), why a start failed. Their wording is part of the interface.
  // Everything that the log reports as an event is matched with the functions below instead.
  [[nodiscard]] std::string Stderr() const { return ReadFile(Path("stderr")); }
  // Lines of the log that match a query (log_oracle.h): "worker_exited state=ready exit=SIGKILL".
  [[nodiscard]] std::vector<LogEntry> Events(std::string_view query) const { return EntriesOf(Log(), query); }
  [[nodiscard]] std::size_t CountEvents(std::string_view query) const { return Events(query).size(); }
  // Waits until `count` lines match, and returns how many do. For a line that comes soon after what the test
  // has seen: to count at once would be a race with the log.
  [[nodiscard]] std::size_t AwaitEvents(std::string_view query, std::size_t count) const;
  // Waits until at least `count` lines match.
  [[nodiscard]] bool WaitForEvent(std::string_view query, std::size_t count = 1,
                                  Duration timeout = kTimeout) const;

  // The addresses that it listens on, in the order of the log: "127.0.0.1:40001".
  [[nodiscard]] std::vector<std::string> Addresses() const;
  [[nodiscard]] std::string Address(std::size_t index = 0) const { return Addresses().at(index); }

  // Reloads and waits for the new generation; false if the reload was refused or abandoned.
  [[nodiscard]] bool Reload();

  // ---- the checks ----

  void ExpectExit(int code) { expected_exit_ = code; }
  // Lines that match `query` are expected: an alert or the end of a worker that the test causes.
  void ExpectEvent(std::string query) { expected_events_.push_back(std::move(query)); }
  // In a sanitized build the test makes one of its processes end with a sanitizer's report.
  void ExpectReport() { report_expected_ = true; }
  // The master is killed: its workers may take a moment to end.
  void ExpectOrphans() { orphans_expected_ = true; }
  // After the test has changed the number of listeners or workers: the present descriptors are the right
  // ones. The test has closed its clients: this waits until none is connected by IPv4, because one that is
  // parked is a descriptor of the master.
  void RebaseDescriptors();
  void IgnoreDescriptors() { baseline_.reset(); }
  // Another program that the test itself started: it does not count as left behind.
  static void TolerateChild(pid_t pid);
  // Waits until the master holds the same kinds and numbers of descriptors as at the start. Empty, or the
  // difference.
  [[nodiscard]] std::string DescriptorDifference() const;

  // Stops the program if it runs, and returns what was wrong. The destructor fails the test for each
  // complaint; a test that calls Finish itself has to check them.
  std::vector<std::string> Finish();

 private:
  // In the child, between fork and exec.
  [[noreturn]] void Execute(const std::string& binary, const std::vector<std::string>& arguments) const;
  [[nodiscard]] bool PutSockets() const;
  void Stop(std::vector<std::string>& complaints);
  void JudgeDescriptors(std::vector<std::string>& complaints) const;
  void JudgeLeftovers(std::vector<std::string>& complaints) const;
  [[nodiscard]] std::vector<pid_t> Orphans() const;

  std::string binary_;
  std::optional<std::uint64_t> nobodys_descriptors_;
  bool keeps_port_capability_ = false;
  std::map<std::string, std::string> variables_;
  std::vector<std::pair<std::string, int>> sockets_;
  std::vector<std::string> launcher_;
  TempDirectory folder_;
  pid_t pid_ = 0;
  bool running_ = false;
  bool finished_ = false;
  std::optional<int> exit_code_;
  std::optional<FdSnapshot> baseline_;
  int expected_exit_ = 0;
  std::vector<std::string> expected_events_;
  bool report_expected_ = false;
  bool orphans_expected_ = false;
};

// Runs preforkctl against this daemon, which must use the control socket of the harness. The test needs
// //:preforkctl in its `data`.
CommandResult Ctl(const DaemonProcess& daemon, std::vector<std::string> words, Duration timeout = kTimeout);

}  // namespace preforkd::testing

#endif
