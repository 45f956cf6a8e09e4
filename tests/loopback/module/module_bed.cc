#include "tests/loopback/module/module_bed.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "common/base/log.h"
#include "worker/module/protocol/host_connection.h"
#include "worker/module/protocol/protocol_service.h"

namespace preforkd::testing {
namespace {

FakeSession& Of(void* session) { return *static_cast<FakeSession*>(session); }

void* OpenHook(void* state, pfd_connection* connection, pfd_str context) {
  FakeModule& module = *static_cast<FakeModule*>(state);
  auto session = std::make_unique<FakeSession>(FakeSession{module, connection, {}});
  if (module.open && !module.open(*session, context)) return nullptr;
  ++module.opened;
  module.sessions.push_back(session.get());
  return session.release();
}

std::size_t BytesHook(void* session, pfd_str bytes) {
  FakeSession& self = Of(session);
  self.module.offered.emplace_back(bytes.data, bytes.size);
  return self.module.bytes ? self.module.bytes(self, {bytes.data, bytes.size}) : bytes.size;
}

void CloseHook(void* session) {
  const std::unique_ptr<FakeSession> self(&Of(session));
  FakeModule& module = self->module;
  ++module.closed;
  std::erase(module.sessions, self.get());
  if (module.close) module.close(*self);
}

// The service with all that a worker holds for it.
class OwningService final : public Service {
 public:
  OwningService(FakeModule& module, WorkerEnv& env, const ServiceConfig& config)
      : world(env, config),
        inner_(std::move(module::MakeProtocolService(module.Table(), &module, world.service)).Value()) {}

  std::unique_ptr<Session> Open(Connection& connection, Luggage luggage) override {
    return inner_->Open(connection, std::move(luggage));
  }

  ModuleWorld world;

 private:
  std::unique_ptr<Service> inner_;
};

}  // namespace

pfd_protocol FakeModule::Table() const {
  pfd_protocol table{};
  table.size = sizeof(table);
  table.open = &OpenHook;
  table.bytes = &BytesHook;
  if (drained) table.drained = [](void* session) { Of(session).module.drained(Of(session)); };
  if (ended) table.ended = [](void* session) { Of(session).module.ended(Of(session)); };
  if (timeout) table.timeout = [](void* session) { Of(session).module.timeout(Of(session)); };
  if (pack) {
    table.pack = [](const void* session, pfd_luggage* luggage) {
      const FakeSession& self = *static_cast<const FakeSession*>(session);
      return self.module.pack(self, *luggage);
    };
  }
  if (retire) table.retire = [](void* session) { Of(session).module.retire(Of(session)); };
  table.close = &CloseHook;
  return table;
}

std::size_t LineLength(std::string_view bytes) {
  const std::size_t end = bytes.find('\n');
  return end == std::string_view::npos ? 0 : end + 1;
}

std::size_t EchoLines(FakeSession& session, std::string_view bytes) {
  std::size_t used = 0;
  while (const std::size_t length = LineLength(bytes.substr(used))) {
    module::HostCountRequest(session.connection);
    Send(session, bytes.substr(used, length));
    used += length;
  }
  return used;
}

std::int64_t Send(const FakeSession& session, std::string_view bytes) {
  return module::HostSend(session.connection, {bytes.data(), bytes.size()});
}

CapturedLog::CapturedLog()
    : fd_(::open(folder_.Path("log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {
  log::SetOutput(fd_.Get());
}
CapturedLog::~CapturedLog() { log::SetOutput(STDERR_FILENO); }

std::vector<LogEntry> CapturedLog::Entries(std::string_view query) const {
  return EntriesOf(ReadFile(folder_.Path("log")), query);
}

ModuleWorld::ModuleWorld(WorkerEnv& env, const ServiceConfig& given)
    : config(given),
      calls(std::move(LoopCalls::Create(env.loop)).Value()),
      service(env, config, *calls, this, 0, true) {}

ModuleBed::ModuleBed(FakeModule& module, std::vector<Setting> settings,
                     const std::map<std::string, std::string>& written) {
  const ServiceType type{[this, &module](const ServiceConfig& config, WorkerEnv& env) {
                           ServiceConfig named = config;
                           named.name = "chat";
                           auto service = std::make_unique<OwningService>(module, env, named);
                           world_ = &service->world;
                           return Result<std::unique_ptr<Service>>(std::move(service));
                         },
                         false,
                         {},
                         std::move(settings)};
  http_ = std::make_unique<HttpBed>(written, type);
}

}  // namespace preforkd::testing
