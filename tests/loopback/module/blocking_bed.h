// Blocking: a bed whose handler runs in application threads, with the log of the process. Gate: where such
// threads wait for the test.
#ifndef PREFORKD_TESTS_LOOPBACK_MODULE_BLOCKING_BED_H_
#define PREFORKD_TESTS_LOOPBACK_MODULE_BLOCKING_BED_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <utility>

#include "tests/loopback/module/http_module_bed.h"
#include "tests/loopback/module/module_bed.h"

namespace preforkd::testing {

// Threads wait here until the test lets them go.
class Gate {
 public:
  void Wait() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    opened_.wait(lock, [this] { return open_; });
    --waiting_;
  }
  void Open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    opened_.notify_all();
  }
  int Waiting() {
    const std::lock_guard lock(mutex_);
    return waiting_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  int waiting_ = 0;
  bool open_ = false;
};

struct Blocking {
  explicit Blocking(HttpModuleBed::Call handle, HttpModuleOptions options = {})
      : bed(
            [&] {
              options.kind = PFD_BLOCKING;
              return options;
            }(),
            std::move(handle)) {}
  bool Until(const std::function<bool()>& condition) { return bed.http->Until(condition); }
  bool Whole(Client& client) {
    return Until([&] {
      client.Read();
      return client.Received().ends_with("\r\n0\r\n\r\n");
    });
  }
  WorkerRow& Row() { return bed.http->Env().row; }
  CapturedLog log;
  HttpModuleBed bed;
};

inline HttpModuleOptions Timeout(const std::string& text, std::uint32_t flags = 0) {
  return {.flags = flags, .settings = {{"request_timeout", text}}};
}

}  // namespace preforkd::testing

#endif
