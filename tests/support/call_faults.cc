#include "tests/support/call_faults.h"

#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <new>
#include <set>
#include <string_view>
#include <utility>

#include "tests/support/proc_status.h"
#include "tests/support/wait_until.h"

namespace preforkd::testing {

// Shared between the test and its tracer. The tracer is a separate process, because waitpid(2) reports the
// tracee to its tracer and to its parent, which is the test.
struct CallFaults::Shared {
  static constexpr int kPrograms = 16;
  static constexpr int kCalls = 4096;
  static constexpr int kFaults = 16;

  struct Program {
    std::atomic<int> size{0};
    std::atomic<bool> answered{false};
    std::array<Call, kCalls> calls;
  };

  std::atomic<bool> attached{false};
  std::atomic<int> programs{0};
  std::atomic<int> injected{0};
  std::atomic<int> faults{0};
  std::array<Fault, kFaults> fault;
  std::array<Program, kPrograms> program;
};

#ifdef __x86_64__

namespace {

constexpr std::uint64_t Bit(int signo) { return std::uint64_t{1} << (signo - 1); }

// The signals that give commands (master/early_signals.cc), as the kernel reads a mask.
constexpr std::uint64_t kCommands = Bit(SIGHUP) | Bit(SIGUSR1) | Bit(SIGUSR2) | Bit(SIGTTIN) | Bit(SIGTTOU);

}  // namespace

class CallFaults::Tracer {
 public:
  Tracer(pid_t target, Shared& shared) : target_(target), shared_(shared) {}

  void Run() {
    constexpr long kOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC;
    if (::ptrace(PTRACE_SEIZE, target_, nullptr, kOptions) < 0 ||
        ::ptrace(PTRACE_INTERRUPT, target_, nullptr, nullptr) < 0) {
      return;
    }
    int status = 0;
    while (::waitpid(target_, &status, __WALL) == target_ && WIFSTOPPED(status)) {
      shared_.attached = true;
      const long signo = OnStop(status);
      (void)::ptrace(PTRACE_SYSCALL, target_, nullptr, signo);
    }
  }

 private:
  // The signal to deliver to the process.
  long OnStop(int status) {
    const int signo = WSTOPSIG(status);
    if (signo == (SIGTRAP | 0x80)) {
      OnCall();
      return 0;
    }
    if (status >> 16 == PTRACE_EVENT_EXEC) OnExec();
    return status >> 16 != 0 ? 0 : signo;
  }

  struct Range {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    [[nodiscard]] bool Holds(std::uint64_t address) const { return address >= begin && address < end; }
  };

  void OnExec() {
    in_main_ = false;
    counting_ = false;
    if (shared_.programs < Shared::kPrograms) ++shared_.programs;
  }

  // Address ranges of code: the program's own, in the first executable mapping, and a sanitizer's, in its own
  // libraries.
  void FindCode() {
    text_ = {};
    sanitizers_.clear();
    std::ifstream maps("/proc/" + std::to_string(target_) + "/maps");
    for (std::string line; std::getline(maps, line);) {
      if (line.find(" r-xp ") == std::string::npos) continue;
      const Range range{std::stoull(line, nullptr, 16),
                        std::stoull(line.substr(line.find('-') + 1), nullptr, 16)};
      if (text_.end == 0) text_ = range;
      if (line.find("/libasan.so") != std::string::npos || line.find("/libubsan.so") != std::string::npos) {
        sanitizers_.push_back(range);
      }
    }
  }

  [[nodiscard]] bool IsOfSanitizer(std::uint64_t address) const {
    return std::any_of(sanitizers_.begin(), sanitizers_.end(),
                       [&](const Range& range) { return range.Holds(address); });
  }

  // A sanitizer's runtime makes the same calls before main, so main's first call must come first.
  void LookForBeginning(int number, const __ptrace_syscall_info& info) {
    std::uint64_t mask = 0;
    if (number == SYS_rt_sigprocmask && info.entry.args[0] == SIG_BLOCK &&
        Read(info.entry.args[1], &mask, sizeof(mask)) && mask == kCommands) {
      in_main_ = true;
    }
    if (!in_main_ || number != SYS_rt_sigaction || info.entry.args[0] != SIGSEGV) return;
    FindCode();
    counting_ = true;
  }

  void OnCall() {
    __ptrace_syscall_info info{};
    if (::ptrace(PTRACE_GET_SYSCALL_INFO, target_, sizeof(info), &info) <= 0) return;
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) OnEntry(info);
    if (info.op == PTRACE_SYSCALL_INFO_EXIT) OnExit();
  }

  void OnEntry(const __ptrace_syscall_info& info) {
    pending_ = 0;
    const int index = shared_.programs - 1;
    if (index < 0) return;
    const int number = static_cast<int>(info.entry.nr);
    if (!counting_) LookForBeginning(number, info);
    if (!counting_ || IsOfSanitizer(info.instruction_pointer)) return;
    Shared::Program& program = shared_.program[static_cast<std::size_t>(index)];
    if (program.answered || program.size >= Shared::kCalls) return;
    const int call = program.size;
    program.calls[static_cast<std::size_t>(call)] = {number, SiteOf(number, info.stack_pointer)};
    ++program.size;
    if (number == SYS_sendto && Answers(info.entry.args[1])) program.answered = true;
    for (int i = 0; i < shared_.faults; ++i) {
      const Fault& fault = shared_.fault[static_cast<std::size_t>(i)];
      const bool meant = fault.call == call || (fault.call < 0 && fault.number == number);
      if (fault.program == index + 1 && meant && CanFail(number)) return Skip(number, fault.errnum);
    }
  }

  // An answer of the control socket.
  [[nodiscard]] bool Answers(std::uint64_t address) const {
    std::array<char, 6> bytes{};
    return Read(address, bytes.data(), bytes.size()) &&
           std::string_view(bytes.data(), bytes.size()) == "{\"ok\":";
  }

  bool Read(std::uint64_t address, void* into, std::size_t size) const {
    const iovec ours{into, size};
    const iovec theirs{reinterpret_cast<void*>(address), size};
    return ::process_vm_readv(target_, &ours, 1, &theirs, 1, 0) == static_cast<ssize_t>(size);
  }

  // The call's number and the innermost return addresses of the program on the stack.
  [[nodiscard]] std::uint64_t SiteOf(int number, std::uint64_t stack) const {
    std::array<std::uint64_t, 96> words{};
    std::uint64_t site = static_cast<std::uint64_t>(number);
    if (!Read(stack, words.data(), sizeof(words))) return site;
    int found = 0;
    for (const std::uint64_t word : words) {
      if (!text_.Holds(word)) continue;
      site = site * 0x100000001b3ULL + (word - text_.begin);
      if (++found == 2) break;
    }
    return site;
  }

  void Skip(int number, int errnum) {
    user_regs_struct registers{};
    if (::ptrace(PTRACE_GETREGS, target_, nullptr, &registers) < 0) return;
    pending_ = errnum;
    before_ = registers;
    if (number == SYS_brk) {
      registers.rdi = 0;               // brk fails by returning the present break
    } else if (number != SYS_close) {  // close releases the descriptor even if it fails
      registers.orig_rax = ~0ULL;
    }
    (void)::ptrace(PTRACE_SETREGS, target_, nullptr, &registers);
    ++shared_.injected;
  }

  void OnExit() {
    if (pending_ == 0) return;
    user_regs_struct registers{};
    if (::ptrace(PTRACE_GETREGS, target_, nullptr, &registers) < 0) return;
    registers.rdi = before_.rdi;  // a caller may still use the argument
    const auto errnum = static_cast<long long>(std::exchange(pending_, 0));
    if (before_.orig_rax != SYS_brk) registers.rax = static_cast<unsigned long long>(-errnum);
    (void)::ptrace(PTRACE_SETREGS, target_, nullptr, &registers);
  }

  pid_t target_;
  Shared& shared_;
  bool in_main_ = false;
  bool counting_ = false;
  int pending_ = 0;            // the errno for the call in progress
  user_regs_struct before_{};  // registers when it began
  Range text_;
  std::vector<Range> sanitizers_;
};

#else

class CallFaults::Tracer {
 public:
  Tracer(pid_t, Shared&) {}
  void Run() {}
};

#endif

bool CallFaults::CanFail(int number) {
  static const std::set<int> never = {
      SYS_getpid,         SYS_gettid,          SYS_getppid,     SYS_getuid, SYS_geteuid,
      SYS_getgid,         SYS_getegid,         SYS_umask,       SYS_exit,   SYS_exit_group,
      SYS_rt_sigreturn,   SYS_restart_syscall, SYS_sched_yield,
#ifdef __x86_64__
      SYS_alarm,
#endif
      SYS_set_tid_address};
  return !never.contains(number);
}

CallFaults::CallFaults(pid_t target) : target_(target) {
  void* const memory =
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  shared_ = ::new (memory) Shared;
  tracer_ = ::fork();
  if (tracer_ != 0) return;
  Tracer(target_, *shared_).Run();
  ::_exit(0);
}

CallFaults::~CallFaults() {
  if (tracer_ > 0) {
    ::kill(tracer_, SIGKILL);  // detaches
    ::waitpid(tracer_, nullptr, 0);
  }
  ::munmap(shared_, sizeof(Shared));
}

bool CallFaults::Attached() const {
  (void)WaitUntil(std::chrono::seconds(5), [&] {
    return shared_->attached || ::waitpid(tracer_, nullptr, WNOHANG | WNOWAIT) == tracer_;
  });
  return shared_->attached;
}

void CallFaults::Arm(const std::vector<Fault>& faults) {
  for (Shared::Program& program : shared_->program) {
    program.size = 0;
    program.answered = false;
  }
  std::copy(faults.begin(), faults.end(), shared_->fault.begin());
  shared_->injected = 0;
  shared_->faults = static_cast<int>(faults.size());
  shared_->programs = 0;
}

std::vector<CallFaults::Call> CallFaults::Calls(int program) const {
  const Shared::Program& from = shared_->program.at(static_cast<std::size_t>(program) - 1);
  return {from.calls.begin(), from.calls.begin() + from.size};
}

int CallFaults::Injected() const { return shared_->injected; }
int CallFaults::Programs() const { return shared_->programs; }

}  // namespace preforkd::testing
