// preforkd with modules that are opened and never called (stub_module.h).
#include "master/program.h"
#include "tests/module_probe/stub_module.h"
#include "worker/gate/describe/describe_certificates.h"
#include "worker/module/describe_module.h"
#include "worker/process/worker.h"
#include "worker/services/echo.h"
#include "worker/services/http_service_type.h"
#include "worker/services/status_service.h"

int main(int argc, char** argv) {
  preforkd::ServiceTypes services;
  services["http"] = preforkd::HttpServiceType();
  services["echo"] = preforkd::EchoServiceType();
  services["status"] = preforkd::StatusServiceType();
  services["module"] = preforkd::testing::StubModuleType();

  preforkd::Program program;
  program.service_types = preforkd::Declarations(services);
  program.worker = preforkd::MakeWorkerEntry(services);
  program.describe_module = preforkd::MakeModuleDescriber();
  program.describe_certificates = preforkd::MakeCertificateDescriber();
  return preforkd::RunProgram(argc, argv, program);
}
