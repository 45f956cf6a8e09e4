// Instance: one state of the module, and which one the running call belongs to.
//
// An Instance is made by init and never freed, so that a thread that ends late finds it. Every function that
// the server calls opens a Scope first: pfd::service(), pfd::log and settings go by it. The variables here
// are hidden: two modules in one worker must not share them, which the linker would do otherwise.
#ifndef PREFORKD_MODULE_INSTANCE_HPP
#define PREFORKD_MODULE_INSTANCE_HPP

#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include "text.hpp"

namespace pfd::inline v1::detail {

struct Definition;

struct Instance {
  const Definition* definition = nullptr;
  const pfd_host* host = nullptr;
  pfd_service* service = nullptr;
  void* state = nullptr;  // of the type that pfd::state<T> named
  bool in_loop = false;   // it is of the loop thread
};

struct Current {
  Instance* instance = nullptr;
  bool in_loop = false;  // false in an application thread, and in threads of the module
};

[[gnu::visibility("hidden")]] inline constinit thread_local Current current;

class Scope {
 public:
  Scope(Instance* instance, bool in_loop) : before_(current) { current = {instance, in_loop}; }
  ~Scope() { current = before_; }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  Current before_;
};

// Without a service, in a thread of the module's own: standard error, which the server's log takes.
inline void write_log(const Instance* instance, int level, std::string_view text) noexcept {
  if (instance != nullptr) {
    instance->host->log(instance->service, level, str(text));
  } else {
    std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
  }
}

// what() of the exception that is being handled. Only inside a catch block.
inline std::string reason_of_exception() {
  try {
    throw;
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "an exception that is no std::exception";
  }
}

// Only inside a catch block. Does not throw, for it is the last thing before the C interface.
inline void log_exception(const Instance* instance, std::string_view where) noexcept {
  try {
    write_log(instance, PFD_ERROR, std::string(where) + ": " + reason_of_exception());
  } catch (...) {
    write_log(instance, PFD_ERROR, "an exception, and no memory to name it");
  }
}

// Calls `call`; an exception is logged and ends here.
template <class Call>
void guarded(const Instance* instance, std::string_view where, Call&& call) noexcept {
  try {
    call();
  } catch (...) {
    log_exception(instance, where);
  }
}

}  // namespace pfd::inline v1::detail

#endif
