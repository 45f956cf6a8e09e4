#include "worker/module/http/thread_trace.h"

#include <execinfo.h>
#include <semaphore.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <ctime>

#include "common/process/loaded_objects.h"

namespace preforkd::module {
namespace {

// Written by the signal handler, in the thread that is looked at.
std::array<void*, 48> g_frames;
int g_count = 0;
sem_t g_done;

void OnTrace(int) {
  const int saved = errno;
  g_count = ::backtrace(g_frames.data(), static_cast<int>(g_frames.size()));
  ::sem_post(&g_done);
  errno = saved;
}

bool Collect(pthread_t thread) {
  constexpr long kWait = 200'000'000;
  if (::pthread_kill(thread, SIGRTMIN) != 0) return false;
  timespec until{};
  ::clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec += kWait;
  if (until.tv_nsec >= 1'000'000'000) {
    until.tv_nsec -= 1'000'000'000;
    ++until.tv_sec;
  }
  while (::sem_timedwait(&g_done, &until) < 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

}  // namespace

std::vector<std::string> TraceOf(pthread_t thread) {
  // The first call loads the unwinder, which a signal handler must not do.
  (void)::backtrace(g_frames.data(), 1);
  g_count = 0;
  ::sem_init(&g_done, 0, 0);
  struct sigaction action {};
  action.sa_handler = OnTrace;
  action.sa_flags = SA_RESTART;
  ::sigfillset(&action.sa_mask);
  std::vector<std::string> trace;
  if (::sigaction(SIGRTMIN, &action, nullptr) < 0 || !Collect(thread)) return trace;
  char** const names = ::backtrace_symbols(g_frames.data(), g_count);
  if (names == nullptr) return trace;
  // The first two are the handler and the kernel's return from it.
  for (int i = 2; i < g_count; ++i) {
    std::array<char, 300> name;
    const auto address = reinterpret_cast<std::uintptr_t>(g_frames[static_cast<std::size_t>(i)]);
    const std::size_t size = NameAddress(address, i > 2, name.data(), name.size());
    trace.emplace_back(size != 0 ? std::string(name.data(), size) : std::string(names[i]));
  }
  std::free(names);
  return trace;
}

}  // namespace preforkd::module
