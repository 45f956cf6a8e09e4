// preforkd as a later version of itself: what it offers to modules has grown at its end, and it has a key of
// its own with the name that the module built with the first header uses. For tests only.
#include "master/program.h"
#include "worker/gate/describe/describe_certificates.h"
#include "worker/module/describe_module.h"
#include "worker/module/host_table.h"
#include "worker/module/module_service_type.h"
#include "worker/module/preload_module.h"
#include "worker/process/worker.h"
#include "worker/services/http_service_type.h"
#include "worker/services/status_service.h"

namespace {

constexpr const char* kVersion = "99.0.0";

struct LaterHost {
  pfd_host known;
  void (*more[16])();
};

void Unknown() {}

LaterHost MakeHost() {
  LaterHost later{preforkd::module::HostTable(), {}};
  later.known.size = sizeof(later);
  later.known.version = {kVersion, 6};
  for (auto& function : later.more) function = &Unknown;
  return later;
}

preforkd::ServiceType LaterModules() {
  static const LaterHost host = MakeHost();
  preforkd::ServiceType type = preforkd::ModuleServiceType(host.known);
  type.settings.push_back({.name = "greeting",
                           .kind = preforkd::SettingKind::kNumber,
                           .min = "1",
                           .max = "9",
                           .fallback = "3",
                           .doc = "a key that the server got later"});
  return type;
}

}  // namespace

int main(int argc, char** argv) {
  preforkd::ServiceTypes services;
  services["http"] = preforkd::HttpServiceType();
  services["module"] = LaterModules();
  services["status"] = preforkd::StatusServiceType();

  preforkd::Program program;
  program.service_types = preforkd::Declarations(services);
  program.worker = preforkd::MakeWorkerEntry(services);
  program.describe_certificates = preforkd::MakeCertificateDescriber();
  program.describe_module = preforkd::MakeModuleDescriber();
  program.preload_module = preforkd::MakeModulePreloader();
  program.version = kVersion;
  return preforkd::RunProgram(argc, argv, program);
}
