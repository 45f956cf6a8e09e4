#include "tests/process/secrets/injected_call.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <stdexcept>

#include "common/base/sys_error.h"
#include "tests/support/proc_status.h"

namespace preforkd::testing {
namespace {

// Below what the process uses of its stack: the red zone, and room.
constexpr std::uint64_t kBelow = 16384;
constexpr std::uint64_t kEach = 512;  // bytes for one argument
constexpr std::int64_t kHighestErrno = 4095;
constexpr std::uint64_t kSyscallBytes = 2;  // the length of the instruction

void Require(bool done, const char* what) {
  if (!done) throw std::runtime_error(fmt::format("{}: {}", what, ErrnoName(errno)));
}

user_regs_struct Get(pid_t pid) {
  user_regs_struct registers{};
  Require(::ptrace(PTRACE_GETREGS, pid, nullptr, &registers) == 0, "PTRACE_GETREGS");
  return registers;
}

void Set(pid_t pid, user_regs_struct registers) {
  Require(::ptrace(PTRACE_SETREGS, pid, nullptr, &registers) == 0, "PTRACE_SETREGS");
}

bool IsPending(pid_t pid, int signo) {
  const std::uint64_t pending = std::strtoull(StatusField(pid, "SigPnd").c_str(), nullptr, 16);
  return (pending >> (signo - 1) & 1) != 0;
}

}  // namespace

// It waits in epoll_wait(2), so the instruction before the next one is `syscall`.
TakenOver::TakenOver(pid_t pid) : pid_(pid) {
  Require(::ptrace(PTRACE_SEIZE, pid_, nullptr, nullptr) == 0, "PTRACE_SEIZE");
  int status = 0;
  Require(::ptrace(PTRACE_INTERRUPT, pid_, nullptr, nullptr) == 0, "PTRACE_INTERRUPT");
  Await(status);
  const user_regs_struct registers = Get(pid_);
  errno = 0;
  const long code = ::ptrace(PTRACE_PEEKTEXT, pid_, registers.rip - kSyscallBytes, nullptr);
  constexpr long kSyscall = 0x050f;
  if (errno != 0 || (code & 0xffff) != kSyscall) {
    (void)::ptrace(PTRACE_DETACH, pid_, nullptr, nullptr);
    throw std::runtime_error("the process does not wait in a call");
  }
}

TakenOver::~TakenOver() { (void)::ptrace(PTRACE_DETACH, pid_, nullptr, nullptr); }

void TakenOver::Await(int& status) const {
  Require(::waitpid(pid_, &status, __WALL) == pid_, "waitpid");
  if (!WIFSTOPPED(status)) throw std::runtime_error("the process has ended");
}

void TakenOver::Put(std::uint64_t address, const std::string& bytes) const {
  iovec local{const_cast<char*>(bytes.data()), bytes.size()};
  iovec remote{reinterpret_cast<void*>(address), bytes.size()};
  Require(::process_vm_writev(pid_, &local, 1, &remote, 1, 0) == static_cast<ssize_t>(bytes.size()),
          "process_vm_writev");
}

CallOutcome TakenOver::Call(long number, const std::vector<CallArgument>& arguments) {
  const user_regs_struct saved = Get(pid_);
  user_regs_struct registers = saved;
  registers.rip -= kSyscallBytes;
  registers.rax = static_cast<unsigned long long>(number);
  registers.orig_rax = ~0ULL;  // no call to restart
  const std::array<unsigned long long*, 6> places = {&registers.rdi, &registers.rsi, &registers.rdx,
                                                     &registers.r10, &registers.r8,  &registers.r9};
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const CallArgument& argument = arguments[i];
    const std::uint64_t address = saved.rsp - kBelow + i * kEach;
    if (argument.is_bytes) Put(address, argument.bytes);
    *places.at(i) = argument.is_bytes ? address : static_cast<unsigned long long>(argument.number);
  }
  Set(pid_, registers);
  // The filter sends SIGSYS, which is dropped here: the process never knows. The trap of the step comes
  // before or behind it, and would end the next step.
  bool refused = false;
  do {
    Require(::ptrace(PTRACE_SINGLESTEP, pid_, nullptr, nullptr) == 0, "PTRACE_SINGLESTEP");
    int status = 0;
    Await(status);
    refused = refused || WSTOPSIG(status) == SIGSYS;
  } while (IsPending(pid_, SIGSYS) || IsPending(pid_, SIGTRAP));
  const auto result = static_cast<std::int64_t>(Get(pid_).rax);
  Set(pid_, saved);
  if (refused) return {"filter", -EPERM};
  if (result < 0 && result >= -kHighestErrno)
    return {std::string(ErrnoName(static_cast<int>(-result))), result};
  return {"ok", result};
}

}  // namespace preforkd::testing
