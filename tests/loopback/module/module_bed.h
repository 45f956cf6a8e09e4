// ModuleBed: a service whose protocol is spoken by a table of functions in the test, with its clients in one
// process (http_bed.h has the loop and the clients). FakeModule: that table; what each function does is a
// hook of the test.
#ifndef PREFORKD_TESTS_LOOPBACK_MODULE_MODULE_BED_H_
#define PREFORKD_TESTS_LOOPBACK_MODULE_MODULE_BED_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/unique_fd.h"
#include "common/event/loop_calls.h"
#include "tests/loopback/http/http_bed.h"
#include "tests/support/log_oracle.h"
#include "tests/support/temp_directory.h"
#include "worker/api/module.h"
#include "worker/module/host/module_state.h"

namespace preforkd::testing {

class FakeModule;

struct FakeSession {
  FakeModule& module;
  pfd_connection* connection = nullptr;
  std::string note;  // for the test
};

// Counts what is opened and closed, so that a test can check that each open has one close.
class FakeModule {
 public:
  // What an accepted client begins with; false refuses it. Empty: accepts.
  std::function<bool(FakeSession&, pfd_str context)> open;
  // Empty: uses all.
  std::function<std::size_t(FakeSession&, std::string_view)> bytes;
  // Those that are empty when the bed is made are NULL in the table.
  std::function<void(FakeSession&)> drained;
  std::function<void(FakeSession&)> ended;
  std::function<void(FakeSession&)> timeout;
  std::function<int(const FakeSession&, pfd_luggage&)> pack;
  std::function<void(FakeSession&)> retire;
  std::function<void(FakeSession&)> close;  // before the session is freed

  int opened = 0;
  int closed = 0;
  std::vector<FakeSession*> sessions;  // that are open, in the order of opening
  std::vector<std::string> offered;    // what each bytes() was given
  [[nodiscard]] pfd_protocol Table() const;
};

// Uses whole lines, and sends each back. One request each.
std::size_t EchoLines(FakeSession& session, std::string_view bytes);
// The length of the first line with its end; 0 if it is not whole.
std::size_t LineLength(std::string_view bytes);
std::int64_t Send(const FakeSession& session, std::string_view bytes);

// The log of this process goes to a file for the length of a test.
class CapturedLog {
 public:
  CapturedLog();
  CapturedLog(const CapturedLog&) = delete;
  CapturedLog& operator=(const CapturedLog&) = delete;
  ~CapturedLog();
  [[nodiscard]] std::vector<LogEntry> Entries(std::string_view query) const;

 private:
  TempDirectory folder_;
  UniqueFd fd_;
};

// What a worker makes for a state of a module, and a place for its counters.
struct ModuleWorld final : module::CountSink {
  // `config` is copied.
  ModuleWorld(WorkerEnv& env, const ServiceConfig& service);
  void Count(std::uint32_t counter, std::uint64_t amount) override { counts[counter] += amount; }

  ServiceConfig config;
  std::unique_ptr<LoopCalls> calls;
  std::map<std::uint32_t, std::uint64_t> counts;
  pfd_service service;
};

class ModuleBed {
 public:
  // The service is called "chat". `settings` and `written` as of a service type.
  explicit ModuleBed(FakeModule& module, std::vector<Setting> settings = {},
                     const std::map<std::string, std::string>& written = {});

  // Destroys the connections and then the service, as a worker that leaves.
  void Leave() { http_.reset(); }
  [[nodiscard]] HttpBed& Http() { return *http_; }
  [[nodiscard]] ModuleWorld& World() { return *world_; }
  [[nodiscard]] pfd_service* State() { return &world_->service; }

 private:
  ModuleWorld* world_ = nullptr;  // owned by the service in http_
  std::unique_ptr<HttpBed> http_;
};

}  // namespace preforkd::testing

#endif
