// DaemonProcess: the real program in a private folder, and the judgement of how it behaved.
//
// Owns the process, its folder and its log. Its destructor stops the program and fails the test for what no
// test may leave behind: an alert or a sanitizer's report in the log, a worker that died, a process or a file
// left over, a descriptor that the master has more (or fewer) than when it began to serve, an unexpected exit
// code. A test that causes one of these on purpose says so before (Expect...).
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

  // A name in the private folder. Only *.log may still be there at the end.
  [[nodiscard]] std::string Path(std::string_view name) const { return folder_.Path(name); }
  // The configuration file; Start passes it when there is one.
  void WriteConfig(std::string_view text);
  [[nodiscard]] std::string ConfigPath() const { return Path("preforkd.toml"); }

  // From the next Start on the program runs as nobody, with so many descriptors. False, and no change, where
  // that cannot be: without root, or with one user id only.
  [[nodiscard]] bool BecomeNobody(std::uint64_t descriptors);
  // With BecomeNobody: it keeps CAP_NET_BIND_SERVICE in every set, as a unit with AmbientCapabilities= gives
  // it.
  void KeepPortCapability() { keeps_port_capability_ = true; }
  // From the next Start on: one more variable in its environment.
  void SetEnvironment(const std::string& name, const std::string& value) { variables_[name] = value; }
  // From the next Start on: as a service manager does it (sd_listen_fds(3)). `fd` is borrowed.
  void PassSocket(const std::string& name, int fd) { sockets_.emplace_back(name, fd); }
  // From the next Start on the program is started by this command (a path first), to which its own words are
  // added. What is known of the server's process (pid, workers, descriptors) is true only if the command
  // becomes it by exec.
  void LaunchBy(const std::vector<std::string>& command) { launcher_ = command; }
  // Starts the program; does not wait for anything.
  void Start(const std::vector<std::string>& arguments = {});
  // Start, then wait until `workers` workers are ready. Fails the test when that does not happen.
  void Serve(std::size_t workers, const std::vector<std::string>& arguments = {});
  // For a program that is to end by itself: its exit code, or -1 when it did not end.
  int Run(const std::vector<std::string>& arguments);

  void Signal(int signo) const;
  // The exit code, or 128 + the signal that ended it; nullopt while it still runs after `patience`.
  std::optional<int> Wait(Duration timeout = kTimeout);

  // ---- looking at it ----

  [[nodiscard]] pid_t MasterPid() const { return pid_; }
  // Children of the master that are no zombies.
  [[nodiscard]] std::vector<pid_t> WorkerPids() const;
  // Workers that the log calls ready and neither retiring nor gone.
  [[nodiscard]] std::vector<WorkerLife> ReadyWorkers() const;
  // Waits until there are exactly so many, and no other worker process.
  [[nodiscard]] bool AwaitWorkers(std::size_t count, Duration timeout = kTimeout) const;

  // Waits until every connection has gone back to the master: a worker's only socket is its channel. (To ask
  // for the status would be a connection more.)
  [[nodiscard]] bool AwaitAllParked(Duration timeout = kTimeout) const;

  // Standard error and every *.log in the folder.
  [[nodiscard]] std::string Log() const;
  [[nodiscard]] std::string Output() const { return ReadFile(Path("stdout")); }
  // Lines of the log that match a query (log_oracle.h): "worker_exited state=ready exit=SIGKILL".
  [[nodiscard]] std::vector<LogEntry> Events(std::string_view query) const { return EntriesOf(Log(), query); }
  [[nodiscard]] std::size_t CountEvents(std::string_view query) const { return Events(query).size(); }
  // Until at least `count` lines match.
  [[nodiscard]] bool WaitForEvent(std::string_view query, std::size_t count = 1,
                                  Duration timeout = kTimeout) const;

  // What it listens on, in the order of the log: "127.0.0.1:40001".
  [[nodiscard]] std::vector<std::string> Addresses() const;
  [[nodiscard]] std::string Address(std::size_t index = 0) const { return Addresses().at(index); }

  // Reload and wait for the generation that it makes; false when it was refused or abandoned.
  [[nodiscard]] bool Reload();

  // ---- the judgement ----

  void ExpectExit(int code) { expected_exit_ = code; }
  // Lines that match `query` are no complaint: an alert, or a worker that ends, which the test causes.
  void ExpectEvent(std::string query) { expected_events_.push_back(std::move(query)); }
  // In a sanitized build one of its processes ends with a sanitizer's report, which the test causes.
  void ExpectReport() { report_expected_ = true; }
  // The master dies at once and unasked: its workers may take a moment to follow.
  void ExpectOrphans() { orphans_expected_ = true; }
  // The test changes what the master holds (listeners, workers): what it holds now is what it should hold.
  void RebaseDescriptors() { baseline_ = FdSnapshot::Of(pid_); }
  void IgnoreDescriptors() { baseline_.reset(); }
  // A child of the test's own, another program that takes part: it is nobody's leftover.
  static void TolerateChild(pid_t pid);
  // Waits until the master holds the same kinds and numbers of descriptors as at first. Empty, or the
  // difference.
  [[nodiscard]] std::string DescriptorDifference() const;

  // Stops the program, if it runs, and says what was wrong: nothing is what a test wants. The destructor does
  // this, and fails the test for each complaint; who calls it judges for himself.
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

// What preforkctl says to this daemon, which must have its control socket where it has it by default. The
// test needs
// //:preforkctl in its `data`.
CommandResult Ctl(const DaemonProcess& daemon, std::vector<std::string> words, Duration timeout = kTimeout);

}  // namespace preforkd::testing

#endif
