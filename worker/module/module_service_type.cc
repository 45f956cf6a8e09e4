#include "worker/module/module_service_type.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "worker/http/http_service.h"
#include "worker/module/host/module_states.h"
#include "worker/module/host_table.h"
#include "worker/module/http/blocking_module.h"
#include "worker/module/http/event_module.h"
#include "worker/module/module_declaration.h"
#include "worker/module/module_library.h"
#include "worker/module/module_settings.h"
#include "worker/module/protocol/protocol_service.h"

namespace preforkd {
namespace {

using namespace module;

class Counters final : public CountSink {
 public:
  Counters(WorkerRow& row, CounterNumbers numbers) : counters_(row, std::move(numbers)) {}
  void Count(std::uint32_t counter, std::uint64_t amount) override { counters_.Add(counter, amount); }

 private:
  ModuleCounters counters_;
};

CounterNumbers NumbersOf(const ServiceConfig& config, const WorkerEnv& env) {
  const auto numbers = env.counters.find(config.name);
  return numbers == env.counters.end() ? CounterNumbers() : numbers->second;
}

std::size_t StatesOf(const pfd_module& table, const ServiceConfig& config) {
  return table.kind == PFD_BLOCKING ? config.settings.Number("threads") : 1;
}

// Owns everything that the module uses, and the service that serves its clients.
class ModuleService final : public Service {
 public:
  ModuleService(const pfd_module& table, const ServiceConfig& config, WorkerEnv& env,
                std::unique_ptr<LoopCalls> calls)
      : calls_(std::move(calls)),
        counters_(env.row, NumbersOf(config, env)),
        states_(table, HostTable(), env, config, *calls_, &counters_, StatesOf(table, config)) {}

  // Starts the module. Error: why it cannot serve.
  Status Begin(const ServiceConfig& config, WorkerEnv& env) {
    switch (states_.Module().kind) {
      case PFD_BLOCKING: return BeginBlocking(config, env);
      case PFD_PROTOCOL: return BeginProtocol();
      default: return BeginEvent(config, env);
    }
  }

  std::unique_ptr<Session> Open(Connection& connection, Luggage luggage) override {
    return service_->Open(connection, std::move(luggage));
  }
  void OnRetire() override { protocol_ ? states_.Retire(0) : service_->OnRetire(); }
  bool OnExit() override {
    calls_->Close();
    if (!protocol_) return service_->OnExit();
    states_.End(0);
    return true;
  }

 private:
  Status BeginEvent(const ServiceConfig& config, WorkerEnv& env) {
    auto handler = std::make_unique<EventModule>(env, config, *calls_, states_);
    service_ = MakeHttpService(config, std::move(handler));
    return states_.Init(0);
  }

  Status BeginBlocking(const ServiceConfig& config, WorkerEnv& env) {
    auto handler = std::make_unique<BlockingModule>(env, config, *calls_, states_);
    const Status status = handler->StartThreads();
    service_ = MakeHttpService(config, std::move(handler));
    return status;
  }

  Status BeginProtocol() {
    protocol_ = true;
    if (const Status status = states_.Init(0); !status.Ok()) return status;
    Result<std::unique_ptr<Service>> service =
        MakeProtocolService(*states_.Module().protocol, states_.State(0), states_.Service(0));
    if (!service.Ok()) return service.Err();
    service_ = std::move(service).Value();
    return {};
  }

  std::unique_ptr<LoopCalls> calls_;
  Counters counters_;
  ModuleStates states_;
  std::unique_ptr<Service> service_;
  bool protocol_ = false;
};

// Another version of the same module may take its place before a reload; its settings may not change.
bool DeclaresTheSame(const pfd_module& table, ModuleDeclaration checked) {
  const Result<ModuleDeclaration> own = DeclarationOf(table);
  if (!own.Ok()) return false;
  checked.name = own.Value().name;
  checked.version = own.Value().version;
  return own.Value() == checked;
}

Result<std::unique_ptr<Service>> MakeModuleService(const ServiceConfig& config, WorkerEnv& env) {
  const Result<const pfd_module*> table = OpenModule(config.settings.Text("path"));
  if (!table.Ok()) return table.Err();
  // The file may have been replaced since the configuration was read: its settings would not be those that
  // were checked.
  if (config.module && !DeclaresTheSame(*table.Value(), *config.module)) {
    return Error{fmt::format("{} declares something else than when the configuration was read; reload again",
                             config.settings.Text("path")),
                 0};
  }
  Result<std::unique_ptr<LoopCalls>> calls = LoopCalls::Create(env.loop);
  if (!calls.Ok()) return calls.Err();
  auto service = std::make_unique<ModuleService>(*table.Value(), config, env, std::move(calls).Value());
  if (Status status = service->Begin(config, env); !status.Ok()) return status.Err();
  return std::unique_ptr<Service>(std::move(service));
}

}  // namespace

ServiceType ModuleServiceType() { return {&MakeModuleService, true, CallSets{}, ModuleSettingTable()}; }

}  // namespace preforkd
