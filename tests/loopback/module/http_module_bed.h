// HttpModuleBed: a service whose requests are answered by a table of functions in the test, in the loop or in
// application threads, with its clients in one process (http_bed.h).
#ifndef PREFORKD_TESTS_LOOPBACK_MODULE_HTTP_MODULE_BED_H_
#define PREFORKD_TESTS_LOOPBACK_MODULE_HTTP_MODULE_BED_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/loopback/http/http_bed.h"
#include "tests/loopback/module/module_bed.h"
#include "worker/api/module.h"

namespace preforkd::testing {

pfd_str Str(std::string_view text);
std::string Text(pfd_str text);

// What an answer is made of.
using Fields = std::vector<std::pair<std::string, std::string>>;
int Respond(pfd_request* request, std::string_view body, int status = 200, const Fields& fields = {});
int Begin(pfd_request* request, int status = 200, const Fields& fields = {});
std::int64_t Write(pfd_request* request, std::string_view piece);
int TakeOver(pfd_request* request, std::string_view protocol, std::string_view context = {},
             const Fields& fields = {});
int End(pfd_request* request);
void Keep(pfd_request* request);
void Drop(pfd_request* request);
std::string Path(const pfd_request* request);

struct HttpModuleOptions {
  std::uint32_t kind = PFD_EVENT;
  std::uint32_t flags = 0;
  std::size_t threads = 1;
  std::map<std::string, std::string> settings{};  // of the module type
  FakeModule* sessions = nullptr;                 // of connections that are taken over
};

class HttpModuleBed {
 public:
  using Options = HttpModuleOptions;
  using Call = std::function<void(pfd_request*)>;

  // At most one bed at a time. `handle` runs in the loop, or in any of the application threads.
  HttpModuleBed(Options options, Call handle);
  HttpModuleBed(const HttpModuleBed&) = delete;
  HttpModuleBed& operator=(const HttpModuleBed&) = delete;
  ~HttpModuleBed();

  // To be set before the first request. Each call is counted below.
  Call on_gone;
  Call on_drained;
  Call on_arrived;
  std::atomic<int> handled{0};
  std::atomic<int> gone{0};
  std::atomic<int> drained{0};
  std::atomic<int> arrived{0};
  std::atomic<int> retired{0};
  std::atomic<int> ended{0};
  std::atomic<int> replaced{0};  // WorkerEnv::replace_me

  // A client that has sent `bytes`.
  std::unique_ptr<Client> Ask(std::string_view bytes, SocketKind kind = SocketKind::kUnix);
  // True when the client has received `count` whole answers within 10 s; then they are in `answers`.
  bool Answers(Client& client, std::size_t count);
  std::vector<Answer> answers;
  // The state of a thread, for the functions of the server.
  [[nodiscard]] pfd_service* State(std::size_t thread = 0);
  // Calls `call` in the loop.
  void Post(std::function<void()> call);
  // The worker takes no more clients.
  void Retire();
  // As a worker that leaves. False: a thread is busy.
  bool Exit();

  std::unique_ptr<HttpBed> http;

 private:
  friend struct HttpModuleHooks;
  class Owner;

  pfd_module table_{};
  pfd_protocol protocol_{};
  Call handle_;
  Owner* owner_ = nullptr;  // owned by the service in `http`
  bool exited_ = false;
};

}  // namespace preforkd::testing

#endif
