#include "worker/process/call_filter.h"

#include <seccomp.h>
#include <ucontext.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "common/base/sys_error.h"
#include "common/process/authority.h"
#include "common/process/call_table.h"

namespace preforkd {
namespace {

using Filter = std::unique_ptr<void, void (*)(scmp_filter_ctx)>;

RefusedCalls* g_refused = nullptr;

// Sets the result that the interrupted system call returns.
void SetResult(void* context, int result) {
#if defined(__x86_64__)
  static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RAX] = result;
#elif defined(__aarch64__)
  static_cast<ucontext_t*>(context)->uc_mcontext.regs[0] = static_cast<std::uint64_t>(result);
#else
#error "unknown register for the result of a system call"
#endif
}

// Runs instead of the system call, in the thread that made it, at any point: only plain stores are allowed
// (signal-safety(7)).
void OnRefused(int, siginfo_t* info, void* context) {
  constexpr int kBySeccomp = 1;  // SYS_SECCOMP, which glibc does not define
  if (info->si_code != kBySeccomp) return;
  g_refused->Note(info->si_syscall);
  SetResult(context, -EPERM);
}

Status CatchRefusals(RefusedCalls& refused) {
  g_refused = &refused;
  struct sigaction action {};
  action.sa_sigaction = OnRefused;
  action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART;
  ::sigemptyset(&action.sa_mask);
  if (::sigaction(SIGSYS, &action, nullptr) < 0) return SysError("sigaction", "SIGSYS");
  return {};
}

// libseccomp returns a negative errno.
Status Checked(int result, const char* call, std::string_view context = {}) {
  return result < 0 ? Status(SysErrorOf(-result, call, context)) : Status();
}

Status Configure(scmp_filter_ctx filter) {
  // A tree instead of a list. Since Linux 5.11 a bitmap answers calls that are allowed whatever their
  // arguments.
  constexpr unsigned kTree = 2;
  Status status =
      Checked(::seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, kTree), "seccomp_attr_set", "optimize");
  if (!status.Ok()) return status;
  // Include threads that a service started when it was created.
  return Checked(::seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1), "seccomp_attr_set", "tsync");
}

Status AddRule(scmp_filter_ctx filter, const CallRule& rule) {
  const int number = ::seccomp_syscall_resolve_name(std::string(rule.name).c_str());
  if (number == __NR_SCMP_ERROR || number < 0) return {};  // does not exist on this machine
  std::vector<scmp_arg_cmp> tests;
  for (const ArgumentTest& test : rule.tests) {
    tests.push_back({test.argument, SCMP_CMP_MASKED_EQ, test.mask, test.value});
  }
  const int result = ::seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number,
                                              static_cast<unsigned>(tests.size()), tests.data());
  return Checked(result, "seccomp_rule_add", rule.name);
}

Status AddRules(scmp_filter_ctx filter, CallBase base, CallSets sets) {
  for (const CallRule& rule : RulesFor(base, sets, ::getpid())) {
    if (Status status = AddRule(filter, rule); !status.Ok()) return status;
  }
  if (!HidesClone3(sets)) return {};
  return Checked(::seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0), "seccomp_rule_add",
                 "clone3");
}

}  // namespace

Status InstallCallFilter(CallFilter mode, CallBase base, CallSets sets, RefusedCalls& refused) {
  if (mode == CallFilter::kOff || !CallFiltersExist()) return {};
  Status status = CatchRefusals(refused);
  if (!status.Ok()) return status;
  const Filter filter(::seccomp_init(mode == CallFilter::kLog ? SCMP_ACT_LOG : SCMP_ACT_TRAP),
                      ::seccomp_release);
  if (filter == nullptr) return Error{"seccomp_init failed", 0};
  status = Configure(filter.get());
  if (status.Ok()) status = AddRules(filter.get(), base, sets);
  return status.Ok() ? Checked(::seccomp_load(filter.get()), "seccomp_load") : status;
}

}  // namespace preforkd
