#include "tests/module_probe/stub_module.h"

#include <fmt/core.h>

#include <array>
#include <memory>
#include <string>
#include <utility>

#include "worker/http/http_service.h"
#include "worker/module/module_library.h"
#include "worker/module/module_settings.h"

namespace preforkd::testing {
namespace {

class Declared final : public HttpHandler {
 public:
  explicit Declared(const ServiceConfig& config)
      : text_(fmt::format("{} {}", config.module->name, config.settings.Items().back().setting.name)) {}

  void Handle(const HttpRequest& request, HttpResponse& response) override {
    if (request.path == "/missing") response.SetStatus(404);
    response.SetContentType("text/plain");
    response.Body() = fmt::format("{} {} {}\n", request.path, text_, request.body);
  }

 private:
  std::string text_;
};

Result<std::unique_ptr<Service>> Make(const ServiceConfig& config, WorkerEnv&) {
  const Result<const pfd_module*> module = OpenModule(config.settings.Text(kModulePath), config.module->file);
  if (!module.Ok()) return module.Err();
  void* state = nullptr;
  std::array<char, 256> error{};
  if (module.Value()->init(nullptr, nullptr, &state, error.data(), error.size()) != 0) {
    return Error{fmt::format("the module's init failed: {}", error.data())};
  }
  return MakeHttpService(config, std::make_unique<Declared>(config));
}

}  // namespace

ServiceType StubModuleType() { return {&Make, true, CallSets{}, ModuleSettingTable()}; }

}  // namespace preforkd::testing
