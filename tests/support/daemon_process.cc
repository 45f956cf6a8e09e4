#include "tests/support/daemon_process.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <set>
#include <stdexcept>

#include "tests/support/command.h"
#include "tests/support/proc_status.h"
#include "tests/support/tcp_sockets.h"

namespace preforkd::testing {
namespace {

// Running masters of this test process, and other programs that it started: children that do not count as
// left behind.
std::set<pid_t> g_masters;

// How long a server may take to end and its workers to follow. Longer than the default of drain_timeout.
constexpr Duration kLeaveTimeout = std::chrono::seconds(40);
constexpr Duration kSaveTimeout = std::chrono::seconds(5);

// In the child. False: the child must exit.
bool RaisePortCapability() {
  constexpr std::uint32_t kOnly = 1U << CAP_NET_BIND_SERVICE;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{kOnly, kOnly, kOnly}, {0, 0, 0}};
  return ::syscall(SYS_capset, &header, data) == 0 &&
         ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0) == 0;
}

// Likewise.
bool TurnIntoNobody(std::uint64_t descriptors) {
  const rlimit limit{descriptors, descriptors};
  const passwd* nobody = ::getpwnam("nobody");
  return nobody != nullptr && ::setrlimit(RLIMIT_NOFILE, &limit) == 0 && ::setgroups(0, nullptr) == 0 &&
         ::setresgid(nobody->pw_gid, nobody->pw_gid, nobody->pw_gid) == 0 &&
         ::setresuid(nobody->pw_uid, nobody->pw_uid, nobody->pw_uid) == 0;
}

// What a process that should be gone is, and where it waits: "4711 (preforkd) S in do_wait: preforkd
// --check".
std::string Description(pid_t pid) {
  const std::string folder = fmt::format("/proc/{}/", pid);
  std::string stat = ReadFile(folder + "stat");
  stat.resize(std::min(stat.size(), stat.rfind(')') + 3));  // the pid, the name, the state
  std::string command = ReadFile(folder + "cmdline");
  std::replace(command.begin(), command.end(), '\0', ' ');
  return fmt::format("{} in {}: {}", stat, ReadFile(folder + "wchan"), command);
}

// Arguments for exec. They live as long as `words`.
std::vector<char*> Pointers(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// The first descriptor that a service manager passes, sd_listen_fds(3).
constexpr int kFirstPassedFd = 3;

}  // namespace

DaemonProcess::DaemonProcess(std::string binary) : binary_(std::move(binary)) {
  // A worker that outlives its master becomes our child, so that we notice it.
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) throw std::runtime_error("PR_SET_CHILD_SUBREAPER");
}

DaemonProcess::~DaemonProcess() {
  if (finished_) return;
  const std::vector<std::string> complaints = Finish();
  for (const std::string& complaint : complaints) FAIL_CHECK("the harness complains: ", complaint);
  if (!complaints.empty()) MESSAGE("the log:\n", Log());
}

void DaemonProcess::WriteConfig(std::string_view text) { WriteFile(ConfigPath(), text); }

bool DaemonProcess::BecomeNobody(std::uint64_t descriptors) {
  const std::string map = ReadFile("/proc/self/uid_map");
  unsigned long inside = 0;
  unsigned long outside = 0;
  unsigned long count = 0;
  const bool read = std::sscanf(map.c_str(), "%lu %lu %lu", &inside, &outside, &count) == 3;
  const passwd* nobody = ::getpwnam("nobody");
  if (::geteuid() != 0 || !read || count <= 65534 || nobody == nullptr) return false;
  // The control socket is created in the folder.
  if (::chown(folder_.Path().c_str(), nobody->pw_uid, nobody->pw_gid) != 0) return false;
  nobodys_descriptors_ = descriptors;
  return true;
}

void DaemonProcess::Execute(const std::string& binary, const std::vector<std::string>& arguments) const {
  // Opened before the change of user: nobody may lack access to its path. Its number is above the sockets'.
  const int after_sockets = kFirstPassedFd + static_cast<int>(sockets_.size());
  const int program = ::fcntl(::open(binary.c_str(), O_PATH | O_CLOEXEC), F_DUPFD_CLOEXEC, after_sockets);
  const int out = ::open(folder_.Path("stdout").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  const int err = ::open(folder_.Path("stderr").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  const int null = ::open("/dev/null", O_RDONLY);
  if (null < 0 || ::dup2(null, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(err, 2) < 0) ::_exit(126);
  if (program < 0 || !PutSockets()) ::_exit(126);
  if (::dup3(program, after_sockets, O_CLOEXEC) < 0 && program != after_sockets) ::_exit(126);
  ::closefrom(after_sockets + 1);
  if (keeps_port_capability_ && ::prctl(PR_SET_KEEPCAPS, 1) != 0) ::_exit(126);
  if (nobodys_descriptors_ && !TurnIntoNobody(*nobodys_descriptors_)) ::_exit(126);
  if (keeps_port_capability_ && !RaisePortCapability()) ::_exit(126);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that is killed leaves no server behind
  for (const auto& [name, value] : variables_) ::setenv(name.c_str(), value.c_str(), 1);
  std::vector<std::string> words = launcher_;
  words.push_back(binary);
  words.insert(words.end(), arguments.begin(), arguments.end());
  if (launcher_.empty()) {
    ::execveat(after_sockets, "", Pointers(words).data(), environ, AT_EMPTY_PATH);
  } else {
    ::execv(words.front().c_str(), Pointers(words).data());
  }
  ::_exit(127);
}

// At the descriptor numbers and with the variables of sd_listen_fds(3).
bool DaemonProcess::PutSockets() const {
  if (sockets_.empty()) return true;
  std::string names;
  std::vector<int> copies;  // above all target numbers, so that none overwrites another
  for (const auto& [name, fd] : sockets_) {
    copies.push_back(::fcntl(fd, F_DUPFD_CLOEXEC, kFirstPassedFd + static_cast<int>(sockets_.size()) + 1));
    names += (names.empty() ? "" : ":") + name;
  }
  for (std::size_t i = 0; i < copies.size(); ++i) {
    if (copies[i] < 0 || ::dup2(copies[i], kFirstPassedFd + static_cast<int>(i)) < 0) return false;
  }
  return ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1) == 0 &&
         ::setenv("LISTEN_FDS", std::to_string(sockets_.size()).c_str(), 1) == 0 &&
         ::setenv("LISTEN_FDNAMES", names.c_str(), 1) == 0;
}

void DaemonProcess::Start(const std::vector<std::string>& arguments) {
  const std::vector<std::string> names = folder_.Names();
  std::vector<std::string> words;
  if (std::find(names.begin(), names.end(), "preforkd.toml") != names.end()) words = {"-c", ConfigPath()};
  words.insert(words.end(), {"--control", Path("control.sock")});
  words.insert(words.end(), arguments.begin(), arguments.end());
  // As in ConfigText: exactly so many workers, where the test does not ask for extras.
  const auto workers = std::find(arguments.begin(), arguments.end(), "--workers");
  const bool extras = std::any_of(arguments.begin(), arguments.end(), [](const std::string& word) {
    return word.find("workers_max") != std::string::npos;
  });
  if (workers != arguments.end() && std::next(workers) != arguments.end() && !extras) {
    words.insert(words.end(), {"--set", "workers_max=" + *std::next(workers)});
  }
  const std::string path = RunfilePath(binary_);
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork");
  if (pid_ == 0) Execute(path, words);
  g_masters.insert(pid_);
  running_ = true;
  exit_code_.reset();
}

void DaemonProcess::Serve(std::size_t workers, const std::vector<std::string>& arguments) {
  Start(arguments);
  const bool ready =
      WaitUntil(kTimeout, [&] { return Wait(Duration(0)) || ReadyWorkers().size() == workers; });
  const bool serves = ready && running_ && WaitForEvent("serving");
  REQUIRE_MESSAGE(serves, "it does not serve; its log:\n", Log());
  baseline_ = FdSnapshot::Of(pid_);
}

void DaemonProcess::RebaseDescriptors() {
  const std::vector<std::string> addresses = Addresses();
  const bool left = WaitUntil(kTimeout, [&] {
    return std::all_of(addresses.begin(), addresses.end(),
                       [](const std::string& address) { return LiveSockets(PortOf(address)).empty(); });
  });
  REQUIRE_MESSAGE(left, "clients of this test are still connected");
  baseline_ = FdSnapshot::Of(pid_);
}

int DaemonProcess::Run(const std::vector<std::string>& arguments) {
  Start(arguments);
  const int code = Wait().value_or(-1);
  expected_exit_ = code;  // the test checks it
  return code;
}

void DaemonProcess::Signal(int signo) const {
  if (running_) ::kill(pid_, signo);
}

std::optional<int> DaemonProcess::Wait(Duration timeout) {
  int status = 0;
  if (running_ && WaitUntil(timeout, [&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; })) {
    running_ = false;
    g_masters.erase(pid_);
    exit_code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
  return exit_code_;
}

std::vector<pid_t> DaemonProcess::WorkerPids() const {
  std::vector<pid_t> workers = ChildrenOf(pid_);
  std::erase_if(workers, [](pid_t pid) { return !IsAlive(pid); });
  return workers;
}

std::vector<WorkerLife> DaemonProcess::ReadyWorkers() const {
  std::vector<WorkerLife> lives = ReadWorkerLives(Log());
  std::erase_if(lives, [](const WorkerLife& life) { return !life.ready || life.retiring || life.gone; });
  return lives;
}

bool DaemonProcess::AwaitWorkers(std::size_t count, Duration timeout) const {
  return WaitUntil(timeout, [&] { return ReadyWorkers().size() == count && WorkerPids().size() == count; });
}

bool DaemonProcess::AwaitAllParked(Duration timeout) const {
  return WaitUntil(timeout, [&] {
    const std::vector<pid_t> workers = WorkerPids();
    return std::all_of(workers.begin(), workers.end(),
                       [](pid_t pid) { return FdSnapshot::Of(pid).Count("socket") == 1; });
  });
}

std::string DaemonProcess::Log() const {
  std::string log = ReadFile(Path("stderr"));
  for (const std::string& name : folder_.Names()) {
    if (name.ends_with(".log")) log += ReadFile(Path(name));
  }
  return log;
}

std::size_t DaemonProcess::AwaitEvents(std::string_view query, std::size_t count) const {
  (void)WaitForEvent(query, count);
  return CountEvents(query);
}

bool DaemonProcess::WaitForEvent(std::string_view query, std::size_t count, Duration timeout) const {
  return WaitUntil(timeout, [&] { return CountEvents(query) >= count; });
}

std::vector<std::string> DaemonProcess::Addresses() const {
  std::vector<std::string> addresses;
  for (const LogEntry& entry : Events("listening")) addresses.push_back(entry.Field("address"));
  return addresses;
}

bool DaemonProcess::Reload() {
  const std::size_t before = ReloadEnds(Log()).size();
  Signal(SIGHUP);
  if (!WaitUntil(kTimeout, [&] { return ReloadEnds(Log()).size() > before; })) return false;
  return ReloadEnds(Log()).back().Field("event") == "reload_done";
}

std::string DaemonProcess::DescriptorDifference() const {
  if (!baseline_ || !running_) return {};
  std::string difference;
  (void)WaitUntil(kSaveTimeout, [&] {
    difference = KindsDiff(*baseline_, FdSnapshot::Of(pid_));
    return difference.empty();
  });
  return difference;
}

std::vector<std::string> DaemonProcess::Finish() {
  finished_ = true;
  std::vector<std::string> complaints;
  if (pid_ == 0) return complaints;  // never started
  (void)Wait(Duration(0));
  JudgeDescriptors(complaints);
  Stop(complaints);
  for (const std::string& line : BadLines(Log(), expected_events_)) {
    if (!report_expected_ || !ReadLog(line).empty()) complaints.push_back("in the log: " + line);
  }
  JudgeLeftovers(complaints);
  return complaints;
}

void DaemonProcess::JudgeDescriptors(std::vector<std::string>& complaints) const {
  const std::string difference = DescriptorDifference();
  if (!difference.empty()) complaints.push_back("the master's descriptors differ: " + difference);
}

void DaemonProcess::Stop(std::vector<std::string>& complaints) {
  Signal(SIGTERM);
  if (!Wait(kLeaveTimeout)) {
    complaints.push_back("it did not stop when it was told to");
    Signal(SIGKILL);
    orphans_expected_ = true;  // one complaint is enough
    (void)Wait();
  } else if (exit_code_ != expected_exit_) {
    complaints.push_back(fmt::format("exit code {} where {} was expected", *exit_code_, expected_exit_));
  }
}

void DaemonProcess::TolerateChild(pid_t pid) { g_masters.insert(pid); }

std::vector<pid_t> DaemonProcess::Orphans() const {
  std::vector<pid_t> orphans = ChildrenOf(::getpid());
  std::erase_if(orphans, [](pid_t pid) { return g_masters.contains(pid); });
  return orphans;
}

void DaemonProcess::JudgeLeftovers(std::vector<std::string>& complaints) const {
  const auto all_gone = [&] {
    for (const pid_t pid : Orphans()) (void)::waitpid(pid, nullptr, WNOHANG);
    return Orphans().empty();
  };
  // Normally the master has reaped all of its workers, and nothing is left to wait for.
  const bool clean = orphans_expected_ ? WaitUntil(kLeaveTimeout, all_gone) : Orphans().empty();
  for (const pid_t pid : Orphans()) {
    if (!clean) complaints.push_back("a process left behind: " + Description(pid));
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  for (const std::string& name : folder_.Names()) {
    // A killed master could not remove its socket; the next server does.
    const bool killed = exit_code_ == 128 + SIGKILL;
    const bool known = name == "stdout" || name == "stderr" || name == "preforkd.toml" ||
                       (name == "control.sock" && killed) || name.ends_with(".log") ||
                       name.ends_with(".crt") || name.ends_with(".key");  // MakeTestCertificate
    if (!known) complaints.push_back("a file left behind: " + name);
  }
}

CommandResult Ctl(const DaemonProcess& daemon, std::vector<std::string> words, Duration timeout) {
  words.insert(words.begin(), {RunfilePath("preforkctl"), "--control", daemon.Path("control.sock")});
  return RunCommand(words, timeout);
}

}  // namespace preforkd::testing
