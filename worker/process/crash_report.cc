#include "worker/process/crash_report.h"

#include <execinfo.h>

#include <array>
#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <span>

#include "common/base/sys_error.h"
#include "common/process/loaded_objects.h"

namespace preforkd {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitizerHandles = true;
#else
constexpr bool kSanitizerHandles = false;
#endif

CrashRecord* g_record = nullptr;
FrameNames* g_names = nullptr;
// A fault of the handler itself must not write over what it has found.
std::atomic<bool> g_reporting{false};
// Unwinding needs some kilobytes. SIGSTKSZ is no longer a constant.
alignas(16) std::array<char, 64 * 1024> g_stack;

// One line for each frame in a module, as far as there is room (FrameNames).
void NameFrames(std::span<void* const> frames) {
  constexpr std::size_t kFaulting = 2;  // behind the handler and the kernel's frame
  constexpr std::size_t kLongest = 300;
  static std::array<char, FrameNames::kCapacity + kLongest> text;
  std::size_t size = 0;
  for (std::size_t i = kFaulting; i < frames.size(); ++i) {
    char* const line = &text[size];
    char* at = std::to_chars(line, line + 4, i).ptr;
    *at++ = ' ';
    const std::size_t name =
        NameAddress(reinterpret_cast<std::uintptr_t>(frames[i]), i > kFaulting, at, kLongest - 8);
    if (name == 0) continue;
    at += name;
    *at++ = '\n';
    if (at > text.data() + FrameNames::kCapacity) break;
    size = static_cast<std::size_t>(at - text.data());
  }
  g_names->Write({text.data(), size});
}

// Stack and heap are in an unknown state here. SA_RESETHAND has restored the default action, so a second
// fault ends the process at once.
void OnFatalSignal(int signo, siginfo_t* info, void*) {
  if (g_reporting.exchange(true)) {
    ::raise(signo);
    return;
  }
  std::array<void*, CrashRecord::kFrames> frames{};
  Set(g_record->signo, static_cast<std::uint64_t>(signo));
  Set(g_record->fault_address, reinterpret_cast<std::uint64_t>(info->si_addr));
  const int count = ::backtrace(frames.data(), static_cast<int>(frames.size()));
  for (int i = 0; i < count; ++i) {
    const auto index = static_cast<std::size_t>(i);
    Set(g_record->frames[index], reinterpret_cast<std::uint64_t>(frames[index]));
  }
  Set(g_record->count, static_cast<std::uint64_t>(count));
  NameFrames(std::span(frames).first(static_cast<std::size_t>(count)));
  // Raise it again, now with the default action. A SIGABRT from outside (a hang) would not repeat by itself.
  ::raise(signo);
}

}  // namespace

Status InstallCrashReport(CrashRecord& record, FrameNames& names) {
  if (kSanitizerHandles) return {};
  g_record = &record;
  g_names = &names;
  // The first call loads libgcc's unwinder and allocates, which the handler must not do.
  std::array<void*, 1> warm_up{};
  (void)::backtrace(warm_up.data(), 1);
  stack_t stack{};
  stack.ss_sp = g_stack.data();
  stack.ss_size = g_stack.size();
  if (::sigaltstack(&stack, nullptr) < 0) return SysError("sigaltstack");
  struct sigaction action {};
  action.sa_sigaction = OnFatalSignal;
  action.sa_flags = static_cast<int>(SA_SIGINFO | SA_ONSTACK | SA_RESETHAND);
  ::sigemptyset(&action.sa_mask);
  for (const int signo : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT}) {
    if (::sigaction(signo, &action, nullptr) < 0) return SysError("sigaction");
  }
  return {};
}

}  // namespace preforkd
