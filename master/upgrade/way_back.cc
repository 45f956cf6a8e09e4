#include "master/upgrade/way_back.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>

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
    {SIGABRT, "the new program gave up while it took over (SIGABRT)"},
    {SIGSYS, "the new program made a forbidden system call while it took over (SIGSYS)"},
    {SIGALRM, "the new program did not take over in time"},
};

// All that the signal handler needs, made ready before: it may allocate nothing, and trust nothing that it did not make.
struct Prepared {
  UniqueFd old_program;
  UniqueFd state;
  std::string program;             // "/proc/self/fd/N"
  std::vector<std::string> words;
  std::vector<char*> arguments;
  std::vector<char*> environment;             // with the order
  std::array<char, kMaxReason + 64> order{};  // "_PREFORKD_UPGRADE=return,STATE,OLD," and room for the reason
  std::size_t prefix = 0;                     // bytes of `order` before the reason
};
Prepared* g_prepared = nullptr;

// Async-signal-safe.
[[noreturn]] void Return(const char* reason) {
  Prepared& way = *g_prepared;
  const std::size_t size = ::strnlen(reason, kMaxReason);
  std::memcpy(way.order.data() + way.prefix, reason, size);
  way.order[way.prefix + size] = '\0';
  ::execve(way.program.c_str(), way.arguments.data(), way.environment.data());
  ::_exit(static_cast<int>(ExitCode::kSoftware));  // the old program's file cannot be run any more
}

void OnFault(int signo) {
  for (const Fault& fault : kFaults) {
    if (fault.signo == signo) Return(fault.reason);
  }
  Return("the new program failed while it took over");
}

}  // namespace

void WayBack::Open(int old_program, int state, const std::vector<std::string>& words) {
  static Prepared way;
  way.old_program = UniqueFd(old_program);
  way.state = UniqueFd(state);
  way.program = fmt::format("/proc/self/fd/{}", old_program);
  way.words = words;
  way.arguments = PointersTo(way.words);
  const std::string order =
      std::string(kOrderVariable) + TextOf(UpgradeOrder{UpgradeOrder::Kind::kReturn, state, old_program, {}});
  PF_CHECK(order.size() < way.order.size() - kMaxReason, "no room for an order");
  way.prefix = order.size();
  std::memcpy(way.order.data(), order.data(), order.size());
  way.environment = EnvironmentWith("");
  way.environment[way.environment.size() - 2] = way.order.data();
  g_prepared = &way;

  struct sigaction action {};
  action.sa_handler = OnFault;
  ::sigemptyset(&action.sa_mask);
  sigset_t faults;
  ::sigemptyset(&faults);
  for (const Fault& fault : kFaults) {
    ::sigaddset(&faults, fault.signo);
    (void)::sigaction(fault.signo, &action, nullptr);
  }
  (void)::sigprocmask(SIG_UNBLOCK, &faults, nullptr);
  (void)::alarm(kPatienceSeconds);
}

void WayBack::Take(const std::string& reason) {
  if (g_prepared == nullptr) {
    log::Alert("what another program has left cannot be taken over: {}", reason);
    ::_exit(static_cast<int>(ExitCode::kSoftware));
  }
  log::Error("upgrade: {}: back to the program before this one", reason);
  Return(reason.c_str());
}

void WayBack::Close() {
  if (g_prepared == nullptr) return;
  (void)::alarm(0);
  for (const Fault& fault : kFaults) (void)::signal(fault.signo, SIG_DFL);
  g_prepared->old_program.Reset();
  g_prepared->state.Reset();
  g_prepared = nullptr;
}

}  // namespace preforkd
