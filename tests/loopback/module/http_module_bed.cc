#include "tests/loopback/module/http_module_bed.h"

#include <utility>

#include "common/base/check.h"
#include "common/event/loop_calls.h"
#include "worker/http/http_service.h"
#include "worker/module/host/host_service.h"
#include "worker/module/host/module_states.h"
#include "worker/module/host_table.h"
#include "worker/module/http/blocking_module.h"
#include "worker/module/http/event_module.h"
#include "worker/module/http/host_request.h"
#include "worker/module/http/worker_threads.h"
#include "worker/module/module_settings.h"
#include "worker/module/protocol/protocol_service.h"

namespace preforkd::testing {
namespace {

HttpModuleBed* g_bed = nullptr;  // for init, which is given nothing else

std::vector<pfd_field> FieldsOf(const Fields& fields) {
  std::vector<pfd_field> all;
  for (const auto& [name, value] : fields) all.push_back({Str(name), Str(value)});
  return all;
}

}  // namespace

struct HttpModuleHooks {
  static HttpModuleBed& Of(void* state) { return *static_cast<HttpModuleBed*>(state); }
  static int Init(const pfd_host*, pfd_service*, void** state, char*, std::size_t) {
    *state = g_bed;
    return 0;
  }
  static void Handle(void* state, pfd_request* request) {
    ++Of(state).handled;
    Of(state).handle_(request);
  }
  static void Gone(void* state, pfd_request* request) {
    ++Of(state).gone;
    if (Of(state).on_gone) Of(state).on_gone(request);
  }
  static void Drained(void* state, pfd_request* request) {
    ++Of(state).drained;
    if (Of(state).on_drained) Of(state).on_drained(request);
  }
  static void Arrived(void* state, pfd_request* request) {
    ++Of(state).arrived;
    if (Of(state).on_arrived) Of(state).on_arrived(request);
  }
  static void Retire(void* state) { ++Of(state).retired; }
  static void End(void* state) { ++Of(state).ended; }
};

// As ModuleService in the product, without a shared object.
class HttpModuleBed::Owner final : public Service {
 public:
  Owner(const pfd_module& table, const HttpModuleOptions& options, const ServiceConfig& given, WorkerEnv& env)
      : config_(given),
        calls_(std::move(LoopCalls::Create(env.loop)).Value()),
        states_(table, module::HostTable(), env, config_, *calls_, nullptr,
                table.kind == PFD_BLOCKING ? options.threads : 0) {
    config_.name = "module";
    std::unique_ptr<Service> next;
    if (options.sessions != nullptr) {
      next = std::move(module::MakeProtocolService(*table.protocol, options.sessions,
                                                   states_.Service(states_.LoopState()), {&kSwitchedMark, 1}))
                 .Value();
    }
    if (table.kind == PFD_BLOCKING) {
      auto handler = std::make_unique<module::BlockingModule>(
          env, config_, *calls_, states_,
          module::WorkerThreads::Of(env, options.threads, config_.name).Value());
      PF_CHECK(handler->InitThreads().Ok(), "threads");
      service_ = MakeHttpService(config_, std::move(handler), std::move(next));
    } else {
      service_ = MakeHttpService(
          config_, std::make_unique<module::EventModule>(env, config_, *calls_, states_), std::move(next));
      PF_CHECK(states_.Init(0).Ok(), "init");
    }
  }

  std::unique_ptr<Session> Open(Connection& connection, Luggage luggage) override {
    return service_->Open(connection, std::move(luggage));
  }
  void OnRetire() override { service_->OnRetire(); }
  bool OnExit() override {
    calls_->Close();
    return service_->OnExit();
  }
  [[nodiscard]] pfd_service* State(std::size_t thread) { return &states_.Service(thread); }

 private:
  ServiceConfig config_;
  std::unique_ptr<LoopCalls> calls_;
  module::ModuleStates states_;
  std::unique_ptr<Service> service_;
};

HttpModuleBed::HttpModuleBed(Options options, Call handle) : handle_(std::move(handle)) {
  PF_CHECK(g_bed == nullptr, "one bed at a time");
  g_bed = this;
  table_.size = sizeof(table_);
  table_.abi = PFD_ABI;
  table_.kind = options.kind;
  table_.flags = options.flags;
  table_.init = &HttpModuleHooks::Init;
  table_.handle = &HttpModuleHooks::Handle;
  table_.gone = &HttpModuleHooks::Gone;
  table_.drained = &HttpModuleHooks::Drained;
  table_.arrived = &HttpModuleHooks::Arrived;
  table_.retire = &HttpModuleHooks::Retire;
  table_.end = &HttpModuleHooks::End;
  if (options.sessions != nullptr) {
    protocol_ = options.sessions->Table();
    table_.protocol = &protocol_;
  }
  const ServiceType type{[&](const ServiceConfig& config, WorkerEnv& env) {
                           env.master.replace_me = [this] { ++replaced; };
                           auto owner = std::make_unique<Owner>(table_, options, config, env);
                           owner_ = owner.get();
                           return Result<std::unique_ptr<Service>>(std::move(owner));
                         },
                         true,
                         {},
                         ModuleSettingTable()};
  http = std::make_unique<HttpBed>(options.settings, type);
}

HttpModuleBed::~HttpModuleBed() {
  if (!exited_) PF_CHECK(Exit(), "a thread is still busy at the end of a test");
  http.reset();
  g_bed = nullptr;
}

void HttpModuleBed::Retire() { owner_->OnRetire(); }

bool HttpModuleBed::Exit() {
  http->Turn();
  exited_ = owner_->OnExit();
  return exited_;
}

std::unique_ptr<Client> HttpModuleBed::Ask(std::string_view bytes, SocketKind kind) {
  auto client = http->Connect(kind);
  http->Exchange(*client, bytes);
  return client;
}

bool HttpModuleBed::Answers(Client& client, std::size_t count) {
  return http->Until([&] {
    client.Read();
    answers = ParseAnswers(client.Received());
    return answers.size() >= count && answers.back().status > 0;
  });
}

pfd_service* HttpModuleBed::State(std::size_t thread) { return owner_->State(thread); }

void HttpModuleBed::Post(std::function<void()> call) {
  auto* const own = new std::function<void()>(std::move(call));
  const int result = module::HostPost(
      State(),
      [](void* argument) {
        const std::unique_ptr<std::function<void()>> function(static_cast<std::function<void()>*>(argument));
        (*function)();
      },
      own);
  PF_CHECK(result == 0, "post");
}

pfd_str Str(std::string_view text) { return {text.data(), text.size()}; }
std::string Text(pfd_str text) { return text.data == nullptr ? "absent" : std::string(text.data, text.size); }

int Respond(pfd_request* request, std::string_view body, int status, const Fields& fields) {
  const auto all = FieldsOf(fields);
  return module::HostRespond(request, status, all.data(), all.size(), Str(body));
}

int Begin(pfd_request* request, int status, const Fields& fields) {
  const auto all = FieldsOf(fields);
  return module::HostBegin(request, status, all.data(), all.size());
}

std::int64_t Write(pfd_request* request, std::string_view piece) {
  return module::HostWrite(request, Str(piece));
}
int TakeOver(pfd_request* request, std::string_view protocol, std::string_view context,
             const Fields& fields) {
  const auto all = FieldsOf(fields);
  return module::HostTakeOver(request, Str(protocol), all.data(), all.size(), Str(context));
}
int End(pfd_request* request) { return module::HostEnd(request); }
void Keep(pfd_request* request) { module::HostKeep(request); }
void Drop(pfd_request* request) { module::HostDrop(request); }
std::string Path(const pfd_request* request) { return Text(module::HostPath(request)); }

}  // namespace preforkd::testing
