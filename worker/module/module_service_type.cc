#include "worker/module/module_service_type.h"

#include <fmt/format.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/check.h"
#include "worker/http/http_service.h"
#include "worker/http/http_settings.h"
#include "worker/http/place/place_settings.h"
#include "worker/module/host/module_states.h"
#include "worker/module/host_table.h"
#include "worker/module/http/blocking_module.h"
#include "worker/module/http/event_module.h"
#include "worker/module/http/worker_threads.h"
#include "worker/module/module_declaration.h"
#include "worker/module/module_library.h"
#include "worker/module/module_settings.h"
#include "worker/module/own_preload.h"
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
  const auto numbers = env.modules.counters.find(config.name);
  return numbers == env.modules.counters.end() ? CounterNumbers() : numbers->second;
}

std::size_t ThreadsOf(const pfd_module& table, const ServiceConfig& config) {
  return table.kind == PFD_BLOCKING ? config.settings.Number("threads") : 0;
}

// Owns everything that the module uses, and the service that serves its clients.
class ModuleService final : public Service {
 public:
  ModuleService(const pfd_module& table, const pfd_host& host, const ServiceConfig& config, WorkerEnv& env,
                std::unique_ptr<LoopCalls> calls)
      : host_(host),
        calls_(std::move(calls)),
        counters_(env.row, NumbersOf(config, env)),
        states_(table, host, env, config, *calls_, &counters_, ThreadsOf(table, config)) {}

  // Starts the module. `mark`: its ModuleMark; empty: not known. Error: why it cannot serve.
  Status Begin(const ServiceConfig& config, WorkerEnv& env, const std::string& mark) {
    if (HasPreload(states_.Module())) {
      if (Status status = EnsurePreloaded(states_.Module(), host_, states_.Service(0), mark); !status.Ok())
        return status;
    }
    switch (states_.Module().kind) {
      case PFD_BLOCKING: return BeginBlocking(config, env);
      case PFD_PROTOCOL: return BeginProtocol();
      default: return BeginEvent(config, env);
    }
  }

  std::unique_ptr<Session> Open(Connection& connection, Luggage luggage) override {
    return service_->Open(connection, std::move(luggage));
  }
  [[nodiscard]] std::string TooMany(Duration retry_after) const override {
    return service_->TooMany(retry_after);
  }
  void OnRetire() override {
    service_->OnRetire();
    if (owns_loop_state_) states_.Retire(states_.LoopState());
  }
  bool OnExit() override {
    calls_->Close();
    const bool ended = service_->OnExit();
    if (owns_loop_state_) states_.End(states_.LoopState());
    return ended;
  }

 private:
  Status BeginEvent(const ServiceConfig& config, WorkerEnv& env) {
    if (const Status status = states_.Init(0); !status.Ok()) return status;
    return BeginHttp(config, env, std::make_unique<EventModule>(env, config, *calls_, states_));
  }

  Status BeginBlocking(const ServiceConfig& config, WorkerEnv& env) {
    owns_loop_state_ = states_.HasLoopState();
    if (owns_loop_state_) {
      if (const Status status = states_.Init(states_.LoopState()); !status.Ok()) return status;
    }
    Result<std::shared_ptr<WorkerThreads>> threads =
        WorkerThreads::Of(env, config.settings.Number("threads"), config.name);
    if (!threads.Ok()) return threads.Err();
    auto handler =
        std::make_unique<BlockingModule>(env, config, *calls_, states_, std::move(threads).Value());
    const Status status = handler->InitThreads();
    const Status begun = BeginHttp(config, env, std::move(handler));
    return status.Ok() ? begun : status;
  }

  // With the protocol of the connections that it takes over, if the module has one.
  Status BeginHttp(const ServiceConfig& config, WorkerEnv& env, std::unique_ptr<RequestHandler> handler) {
    std::unique_ptr<Service> next;
    if (states_.Module().protocol != nullptr) {
      Result<std::unique_ptr<Service>> made = MakeProtocol({&kSwitchedMark, 1});
      if (!made.Ok()) return made.Err();
      next = std::move(made).Value();
    }
    Result<std::unique_ptr<Service>> made =
        MakePlacedHttpService(config, env, std::move(handler), std::move(next));
    if (!made.Ok()) return made.Err();
    service_ = std::move(made).Value();
    return {};
  }

  Result<std::unique_ptr<Service>> MakeProtocol(std::string_view mark) {
    const std::size_t loop = states_.LoopState();
    return MakeProtocolService(*states_.Module().protocol, states_.State(loop), states_.Service(loop), mark);
  }

  Status BeginProtocol() {
    owns_loop_state_ = true;
    if (const Status status = states_.Init(0); !status.Ok()) return status;
    Result<std::unique_ptr<Service>> service = MakeProtocol({});
    if (!service.Ok()) return service.Err();
    service_ = std::move(service).Value();
    return {};
  }

  const pfd_host& host_;
  std::unique_ptr<LoopCalls> calls_;
  Counters counters_;
  ModuleStates states_;
  std::unique_ptr<Service> service_;
  bool owns_loop_state_ = false;  // no handler of HTTP begins and ends it
};

Result<std::unique_ptr<Service>> StartModule(const pfd_module& table, const pfd_host& host,
                                             const ServiceConfig& config, WorkerEnv& env,
                                             const std::string& mark) {
  Result<std::unique_ptr<LoopCalls>> calls = LoopCalls::Create(env.loop);
  if (!calls.Ok()) return calls.Err();
  auto service = std::make_unique<ModuleService>(table, host, config, env, std::move(calls).Value());
  if (Status status = service->Begin(config, env, mark); !status.Ok()) return status.Err();
  return std::unique_ptr<Service>(std::move(service));
}

Result<std::unique_ptr<Service>> MakeModuleService(const pfd_host& host, const ServiceConfig& config,
                                                   WorkerEnv& env) {
  const std::string path = config.settings.Text(kModulePath);
  const ModuleFile file = config.module ? config.module->file : ModuleFile();
  const std::string mark = ModuleMark(path, file);
  const Result<const pfd_module*> table = OpenModule(path, file);
  if (!table.Ok()) return table.Err();
  if (config.module && !DeclaresTheSame(*table.Value(), *config.module)) {
    return Error{fmt::format("{} {}", path, kDeclaresOther), 0};
  }
  return StartModule(*table.Value(), host, config, env, ModuleMark(path, file) == mark ? mark : "");
}

}  // namespace

Result<std::unique_ptr<Service>> MakeLinkedModule(const pfd_module& table, const ServiceConfig& config,
                                                  WorkerEnv& env) {
  return StartModule(table, HostTable(), config, env, {});
}

ServiceType LinkedModuleType(const pfd_module& table) {
  const Status usable = CheckModule(&table);
  PF_CHECK(usable.Ok() && table.kind == PFD_EVENT && !HasPreload(table),
           "a module of the program is not usable");
  const Result<ModuleDeclaration> module = DeclarationOf(table);
  PF_CHECK(module.Ok() && module.Value().counters.empty(),
           "a module of the program declares what it may not");
  ServiceType type;
  type.factory = [&table](const ServiceConfig& config, WorkerEnv& env) {
    return MakeLinkedModule(table, config, env);
  };
  type.client_speaks_first = module.Value().client_speaks_first;
  type.system_calls = module.Value().system_calls;
  type.settings = HttpSettingTable();
  type.settings.insert(type.settings.end(), module.Value().settings.begin(), module.Value().settings.end());
  return type;
}

ServiceType ModuleServiceType() { return ModuleServiceType(HostTable()); }

ServiceType ModuleServiceType(const pfd_host& host) {
  const auto make = [&host](const ServiceConfig& config, WorkerEnv& env) {
    return MakeModuleService(host, config, env);
  };
  return {make, true, CallSets{}, ModuleSettingTable(), PlaceTables(), &CheckPlaces};
}

}  // namespace preforkd
