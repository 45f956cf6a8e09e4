// Service: what a module sees of its service and of the worker; the log. A small value: copy it into threads.
#ifndef PREFORKD_MODULE_SERVICE_HPP
#define PREFORKD_MODULE_SERVICE_HPP

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "loop.hpp"

namespace pfd::inline v1 {

// Which worker this is. A reload makes a new generation; each process has an incarnation of its own.
struct Place {
  std::uint32_t slot;
  std::uint64_t incarnation;
  std::uint64_t generation;
  std::string_view service;  // the name in [service.NAME]
  std::uint32_t thread;      // of the application threads, from 0; 0 in an event module
  std::uint32_t pid;
};

// What Service::report() tells of the whole server, each as the status service shows it.
enum class Report : std::uint32_t {
  status = PFD_REPORT_STATUS,       // JSON
  metrics = PFD_REPORT_METRICS,     // for Prometheus
  readiness = PFD_REPORT_READINESS  // empty: ready; else why not
};

// All functions: any thread, unless they say "loop thread".
class Service {
 public:
  explicit Service(detail::Instance* instance) : instance_(instance) {}

  // One line in the server's log; above 4 KiB it is cut. `level`: PFD_DEBUG ... PFD_ERROR.
  void log(int level, std::string_view text) const { detail::write_log(instance_, level, text); }

  [[nodiscard]] Place place() const {
    pfd_place raw{};
    raw.size = sizeof(raw);
    instance_->host->place(instance_->service, &raw);
    return {raw.slot, raw.incarnation, raw.generation, detail::view(raw.service), raw.thread, raw.pid};
  }
  [[nodiscard]] std::string_view server_version() const { return detail::view(instance_->host->version); }

  // Throws std::runtime_error if the server has no such report, and std::bad_alloc.
  [[nodiscard]] std::string report(Report what) const {
    if (!PFD_HAS(instance_->host, report)) throw std::runtime_error("this server gives no reports");
    std::string text;
    const auto take = [](void* into, pfd_str from) {
      static_cast<std::string*>(into)->assign(detail::view(from));
    };
    const int result =
        instance_->host->report(instance_->service, static_cast<std::uint32_t>(what), take, &text);
    if (result == -ENOMEM) throw std::bad_alloc();
    if (result != 0) throw std::runtime_error("this server has no such report");
    return text;
  }

  // Values of declared settings by name; settings.hpp has typed ones.
  [[nodiscard]] std::string_view text(const char* name) const {
    return detail::view(instance_->host->text(instance_->service, name));
  }
  [[nodiscard]] std::uint64_t number(const char* name) const {
    return instance_->host->number(instance_->service, name);
  }

  // The object that pfd::state<State> made in this thread's init.
  template <class State>
  [[nodiscard]] State& state() const {
    return *static_cast<State*>(instance_->state);
  }

  // Calls `call()` in the loop thread, soon. False: the worker ends, and it is not called.
  template <class Call>
  bool post(Call call) const {
    return detail::post(instance_, std::move(call));
  }

  // Calls `call()` in the loop thread once, after that time. Throws std::bad_alloc.
  template <class Call>
  Timer after(std::chrono::nanoseconds delay, Call call) const {
    auto timer = std::make_shared<detail::TimerCall>(detail::job(instance_, std::move(call)));
    const auto nanoseconds = static_cast<std::uint64_t>(delay.count() > 0 ? delay.count() : 0);
    if (detail::current.in_loop) {
      detail::TimerCall::arm(timer, nanoseconds);
    } else {
      post([timer, nanoseconds] { detail::TimerCall::arm(timer, nanoseconds); });
    }
    return Timer(instance_, std::move(timer));
  }

  // Loop thread. Calls `call(ready)` whenever `fd` is ready for `interest` (PFD_READ | PFD_WRITE), as long as
  // the Watch lives. Throws std::runtime_error if it cannot be watched.
  [[nodiscard]] Watch watch(int fd, std::uint32_t interest, std::function<void(std::uint32_t)> call) const {
    auto watch = std::make_shared<detail::WatchCall>(instance_, std::move(call));
    watch->start(fd, interest);
    return Watch(std::move(watch));
  }

  // For the other parts of this wrapper.
  [[nodiscard]] detail::Instance* instance() const { return instance_; }

 private:
  detail::Instance* instance_;
};

// The service that the running call belongs to. In a thread of the module's own there is none: throws
// std::logic_error. Keep a Service for it.
inline Service service() {
  if (detail::current.instance == nullptr) throw std::logic_error("this thread belongs to no service");
  return Service(detail::current.instance);
}

// One line in the server's log, of texts, numbers and flags one after the other:
// pfd::log::info("user ", name, " has ", count, " messages").
namespace log {

template <class... Parts>
void write(int level, const Parts&... parts) {
  std::string line;
  (detail::append(line, parts), ...);
  detail::write_log(detail::current.instance, level, line);
}

template <class... Parts>
void debug(const Parts&... parts) {
  write(PFD_DEBUG, parts...);
}
template <class... Parts>
void info(const Parts&... parts) {
  write(PFD_INFO, parts...);
}
template <class... Parts>
void notice(const Parts&... parts) {
  write(PFD_NOTICE, parts...);
}
template <class... Parts>
void warning(const Parts&... parts) {
  write(PFD_WARNING, parts...);
}
template <class... Parts>
void error(const Parts&... parts) {
  write(PFD_ERROR, parts...);
}

}  // namespace log
}  // namespace pfd::inline v1

#endif
