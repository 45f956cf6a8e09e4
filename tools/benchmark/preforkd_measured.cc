// preforkd for tools/bench: master/main.cc with the additional service `measured`. Never installed.
#include "master/program.h"
#include "tools/benchmark/measured_service.h"
#include "worker/gate/describe/describe_certificates.h"
#include "worker/module/describe_module.h"
#include "worker/module/module_service_type.h"
#include "worker/module/preload_module.h"
#include "worker/process/worker.h"
#include "worker/services/http_service_type.h"

int main(int argc, char** argv) {
  preforkd::ServiceTypes services;
  services["http"] = preforkd::HttpServiceType();
  services["measured"] = preforkd::benchmark::MeasuredServiceType();

  services["module"] = preforkd::ModuleServiceType();

  preforkd::Program program;
  program.service_types = preforkd::Declarations(services);
  program.worker = preforkd::MakeWorkerEntry(services);
  program.describe_module = preforkd::MakeModuleDescriber();
  program.describe_certificates = preforkd::MakeCertificateDescriber();
  program.preload_module = preforkd::MakeModulePreloader();
  return preforkd::RunProgram(argc, argv, program);
}
