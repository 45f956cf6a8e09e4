#include "master/upgrade/way_back.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <iterator>

#include "common/base/check.h"
#include "common/base/exit_code.h"
#include "common/base/log.h"
#include "common/base/unique_fd.h"
#include "master/upgrade/upgrade_order.h"

namespace preforkd {
namespace {

constexpr std::size_t kMaxReason = 512;

struct Fault {
  int signo;
  const char* reason;
};
constexpr Fault kFaults[] = {
    {SIGSEGV, "the new program crashed while it took over (SIGSEGV)"},
    {SIGBUS, "the new program crashed while it took over (SIGBUS)"},
    {SIGILL, "the new program crashed while it took over (SIGILL)"},
    {SIGFPE, "the new program crashed while it took over (SIGFPE)"},
    {SIGABRT, "the new program aborted while it took over (SIGABRT)"},
    {SIGSYS, "the new program made a forbidden system call while it took over (SIGSYS)"},
    {SIGALRM, "the new program did not take over in time"},
};

// Everything that the signal handler needs, prepared in advance: the handler must not allocate, and must not
// rely on other data of a crashed program.
struct Prepared {
  UniqueFd old_program;
  UniqueFd state;
  std::string program;  // "/proc/self/fd/N"
  std::vector<std::string> words;
  std::vector<char*> arguments;
  std::vector<char*> environment;  // includes the order
  std::array<char, kMaxReason + 96>
      order{};             // "_PREFORKD_UPGRADE=return,STATE,OLD," plus room for the reason
  std::size_t prefix = 0;  // bytes of `order` before the reason
  int failed = 0;          // attempts to return, including this one; 0: a new program
  std::array<struct sigaction, std::size(kFaults)> before{};  // the signal actions before Open
};
Prepared* g_prepared = nullptr;

// Pauses before another attempt: a retry at once would meet the same shortage. Blocking is fine, because no
// event loop runs at this point. Async-signal-safe.
void Pause(int attempts) {
  constexpr int kStepMs = 20;
  constexpr int kMaxMs = 1000;
  (void)::poll(nullptr, 0, std::min(attempts * kStepMs, kMaxMs));
}

// Async-signal-safe. Blocks all signals, so that none ends the next program before it handles them.
[[noreturn]] void Run() {
  Prepared& way = *g_prepared;
  (void)::alarm(0);
  sigset_t every;
  ::sigfillset(&every);
  (void)::sigprocmask(SIG_SETMASK, &every, nullptr);
  if (way.failed != 0) Pause(way.failed);
  for (int attempt = 1; attempt <= WayBack::kAttempts && way.failed <= WayBack::kAttempts; ++attempt) {
    ::execve(way.program.c_str(), way.arguments.data(), way.environment.data());
    // If /proc is not mounted: by descriptor.
    ::execveat(way.old_program.Get(), "", way.arguments.data(), way.environment.data(), AT_EMPTY_PATH);
    Pause(attempt);
  }
  ::_exit(static_cast<int>(ExitCode::kSoftware));  // the old program's file cannot be executed
}

// Async-signal-safe. A returning program already carries a reason: why the new program failed.
[[noreturn]] void Return(const char* reason) {
  Prepared& way = *g_prepared;
  if (way.failed == 0) {
    const std::size_t size = ::strnlen(reason, kMaxReason);
    std::memcpy(way.order.data() + way.prefix, reason, size);
    way.order[way.prefix + size] = '\0';
  }
  Run();
}

void OnFault(int signo) {
  for (const Fault& fault : kFaults) {
    if (fault.signo == signo) Return(fault.reason);
  }
  Return("the new program failed while it took over");
}

// The order for the program to return to.
std::string OrderFor(const UpgradeOrder& order) {
  UpgradeOrder next = order;
  next.kind =
      order.kind == UpgradeOrder::Kind::kRestore ? UpgradeOrder::Kind::kReturn : UpgradeOrder::Kind::kAgain;
  next.reason.resize(std::min(next.reason.size(), kMaxReason));
  next.failed = order.failed + 1;  // unused by kReturn
  return std::string(kOrderVariable) + TextOf(next);
}

void CatchFaults(Prepared& way) {
  struct sigaction action {};
  action.sa_handler = OnFault;
  ::sigemptyset(&action.sa_mask);
  sigset_t faults;
  ::sigemptyset(&faults);
  for (std::size_t i = 0; i < std::size(kFaults); ++i) {
    ::sigaddset(&faults, kFaults[i].signo);
    // On failure `before` keeps its default: the signal is not caught, and Close resets it to the default.
    (void)::sigaction(kFaults[i].signo, &action, &way.before[i]);
  }
  (void)::sigprocmask(SIG_UNBLOCK, &faults, nullptr);
  (void)::alarm(WayBack::kTimeoutSeconds);
}

}  // namespace

void WayBack::Open(const UpgradeOrder& order, const std::vector<std::string>& words) {
  PF_CHECK(order.Restores(), "a way back without a program to return to");
  static Prepared way;
  way.old_program = UniqueFd(order.old_program);
  way.state = UniqueFd(order.state);
  way.program = fmt::format("/proc/self/fd/{}", order.old_program);
  way.words = words;
  way.arguments = PointersTo(way.words);
  way.failed = order.Returns() ? order.failed + 1 : 0;
  const std::string text = OrderFor(order);
  PF_CHECK(text.size() < way.order.size() - (order.Returns() ? 0 : kMaxReason), "no room for an order");
  way.prefix = text.size();
  std::memcpy(way.order.data(), text.data(), text.size());
  way.environment = EnvironmentWith("");
  way.environment[way.environment.size() - 2] = way.order.data();
  g_prepared = &way;
  CatchFaults(way);
}

void WayBack::Take(const std::string& reason) {
  if (g_prepared == nullptr) {
    log::Alert(log::kUpgradeStateLost, "the saved state cannot be restored: {}", reason);
    ::_exit(static_cast<int>(ExitCode::kSoftware));
  }
  if (g_prepared->failed == 0) {
    log::Error(log::kUpgradeReturn, "upgrade: {}: executing the previous program again", reason);
  } else if (g_prepared->failed <= kAttempts) {
    log::Error(log::kUpgradeReturn, "upgrade: return to the previous program failed, will retry: {}", reason);
  } else {
    log::Alert(log::kUpgradeReturn, "upgrade: return to the previous program failed {} times, giving up: {}",
               g_prepared->failed, reason);
  }
  Return(reason.c_str());
}

bool WayBack::MayBeChoosy() { return g_prepared != nullptr && g_prepared->failed <= kChoosyAttempts; }

void WayBack::Close() {
  if (g_prepared == nullptr) return;
  (void)::alarm(0);
  for (std::size_t i = 0; i < std::size(kFaults); ++i) {
    (void)::sigaction(kFaults[i].signo, &g_prepared->before[i], nullptr);
  }
  g_prepared->old_program.Reset();
  g_prepared->state.Reset();
  g_prepared = nullptr;
}

}  // namespace preforkd
