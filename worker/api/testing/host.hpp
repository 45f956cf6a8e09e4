// Host: the service and the log side of what a worker offers a module, in this process.
//
// One Host for each loaded module; it is never freed, because a thread of the module may call it late, and
// what the module left in a timer would look like a leak. A ServiceState is one state of the module.
#ifndef PREFORKD_TESTING_HOST_HPP
#define PREFORKD_TESTING_HOST_HPP

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "loop.hpp"
#include "preload.hpp"
#include "settings.hpp"
#include "tls.hpp"

namespace pfd::testing {

struct LogLine {
  int level;  // PFD_DEBUG ... PFD_ERROR
  std::string text;
};

namespace detail {

inline std::string_view view(pfd_str text) {
  return text.data == nullptr ? std::string_view() : std::string_view(text.data, text.size);
}
inline pfd_str str(std::string_view text) { return {text.data() == nullptr ? "" : text.data(), text.size()}; }

struct Exchange;
struct Connection;
struct ServiceState;

struct Host {
  const pfd_module* module = nullptr;
  std::map<std::string, Value> settings;
  PreloadedData preloaded;
  std::string service_name;
  std::uint64_t generation = 1;
  Loop loop;
  const std::thread::id loop_thread = std::this_thread::get_id();
  std::uint64_t next_id = 1;
  std::shared_ptr<const Tls> tls;  // of clients that come now; nullptr: they are plain

  std::mutex lock;  // of the next six
  bool stopped = false;
  std::vector<LogLine> log;
  std::vector<std::string> problems;  // what would be wrong with the module in a server
  std::array<std::uint64_t, 16> counters{};
  std::array<std::string, 3> reports{"{}\n", "", ""};  // PFD_REPORT_...

  std::weak_ptr<Host> self;
  // Loop thread. None is freed before the Host: a module that uses one too late is caught.
  std::vector<std::shared_ptr<Exchange>> exchanges;
  std::vector<std::shared_ptr<Connection>> connections;
  std::vector<std::shared_ptr<ServiceState>> states;

  [[nodiscard]] bool in_loop() const { return std::this_thread::get_id() == loop_thread; }
  void add_problem(const std::string& what) {
    const std::lock_guard guard(lock);
    problems.push_back(what);
  }
  void add_log(int level, std::string_view text) {
    const std::lock_guard guard(lock);
    log.push_back({level, std::string(text.substr(0, 4096))});
  }
  void check_loop_thread(const char* function) {
    if (!in_loop()) add_problem(std::string(function) + "() was called outside of the loop thread");
  }
};

struct ServiceState {
  std::shared_ptr<Host> host;
  std::uint32_t thread = 0;
  bool in_loop = true;
  void* state = nullptr;
};

inline ServiceState& of(pfd_service* service) { return *reinterpret_cast<ServiceState*>(service); }

// Calls a function of the module. In a server an exception that leaves it ends the worker.
template <class Call>
void call_module(Host& host, const char* function, Call call) {
  try {
    call();
  } catch (...) {
    host.add_problem("an exception left " + std::string(function) + "()");
  }
}

// The functions of pfd_host about the service and the loop.

inline void host_log(pfd_service* service, int level, pfd_str text) {
  of(service).host->add_log(level, view(text));
}

inline pfd_str host_text(pfd_service* service, const char* name) {
  const auto& settings = of(service).host->settings;
  const auto found = settings.find(name);
  if (found == settings.end() || !is_text(found->second.kind)) return {nullptr, 0};
  return str(found->second.text);
}

inline std::uint64_t host_number(pfd_service* service, const char* name) {
  const auto& settings = of(service).host->settings;
  const auto found = settings.find(name);
  return found == settings.end() ? 0 : found->second.number;
}

inline void host_place(pfd_service* service, pfd_place* place) {
  const ServiceState& state = of(service);
  if (place->size < offsetof(pfd_place, in_loop)) {  // what the first version had
    state.host->add_problem("place() was called without the size of its table");
    return;
  }
  const std::uint32_t size = std::min<std::uint32_t>(place->size, sizeof(pfd_place));
  const pfd_place full{size,
                       0,
                       1,
                       state.host->generation,
                       str(state.host->service_name),
                       state.thread,
                       static_cast<std::uint32_t>(::getpid()),
                       state.in_loop ? 1U : 0U};
  std::memcpy(place, &full, size);
}

inline void host_count(pfd_service* service, std::uint32_t counter, std::uint64_t amount) {
  Host& host = *of(service).host;
  const std::lock_guard guard(host.lock);
  if (counter < host.module->counter_count && counter < host.counters.size())
    host.counters[counter] += amount;
}

// There is no server here: Module::set_report() says what its state is.
inline int host_report(pfd_service* service, std::uint32_t what, void (*take)(void*, pfd_str),
                       void* argument) {
  Host& host = *of(service).host;
  if (take == nullptr || what >= host.reports.size()) return -EINVAL;
  std::string text;
  {
    const std::lock_guard guard(host.lock);
    text = host.reports[what];
  }
  take(argument, str(text));
  return 0;
}

inline int host_post(pfd_service* service, void (*call)(void*), void* argument) {
  Host& host = *of(service).host;
  {
    const std::lock_guard guard(host.lock);
    if (host.stopped) return -ESHUTDOWN;
  }
  host.loop.post(call, argument);
  return 0;
}

// A timer says whose it is, so that cancel() finds its loop.
struct HostTimer {
  Host* host;
  pfd_timer* timer;
  void (*call)(void*);
  void* argument;
};

inline void run_host_timer(void* argument) {
  const std::unique_ptr<HostTimer> timer(static_cast<HostTimer*>(argument));
  timer->call(timer->argument);
}

inline pfd_timer* host_after(pfd_service* service, std::uint64_t delay, void (*call)(void*), void* argument) {
  Host& host = *of(service).host;
  host.check_loop_thread("after");
  auto* timer = new HostTimer{&host, nullptr, call, argument};
  timer->timer = host.loop.after(delay, run_host_timer, timer);
  return reinterpret_cast<pfd_timer*>(timer);
}

inline void host_cancel(pfd_timer* handle) {
  const std::unique_ptr<HostTimer> timer(reinterpret_cast<HostTimer*>(handle));
  timer->host->check_loop_thread("cancel");
  timer->host->loop.cancel(timer->timer);
}

struct HostWatch {
  Host* host;
  pfd_watch* watch;
};

inline pfd_watch* host_watch(pfd_service* service, int fd, std::uint32_t interest,
                             void (*call)(void*, std::uint32_t), void* argument) {
  Host& host = *of(service).host;
  host.check_loop_thread("watch");
  pfd_watch* watch = host.loop.watch(fd, interest, call, argument);
  return watch == nullptr ? nullptr : reinterpret_cast<pfd_watch*>(new HostWatch{&host, watch});
}

inline void host_unwatch(pfd_watch* handle) {
  const std::unique_ptr<HostWatch> watch(reinterpret_cast<HostWatch*>(handle));
  watch->host->check_loop_thread("unwatch");
  watch->host->loop.unwatch(watch->watch);
}

}  // namespace detail
}  // namespace pfd::testing

#endif
