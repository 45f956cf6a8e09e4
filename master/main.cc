// preforkd: the only file that includes both master and worker. It names the services of this program and
// runs it.
//
// A program with services of its own is this file with more entries.
#include "master/program.h"
#include "worker/about/about_worker.h"
#include "worker/gate/describe/describe_certificates.h"
#include "worker/http/place/explain.h"
#include "worker/module/describe_module.h"
#include "worker/module/module_service_type.h"
#include "worker/module/preload_module.h"
#include "worker/process/worker.h"
#include "worker/services/echo.h"
#include "worker/services/http_service_type.h"
#include "worker/services/status_service.h"

int main(int argc, char** argv) {
  preforkd::ServiceTypes services;
  services["http"] = preforkd::HttpServiceType();
  services["echo"] = preforkd::EchoServiceType();
  services["module"] = preforkd::ModuleServiceType();
  services["status"] = preforkd::StatusServiceType();

  preforkd::Program program;
  program.service_types = preforkd::Declarations(services);
  program.worker = preforkd::MakeWorkerEntry(services);
  program.describe_module = preforkd::MakeModuleDescriber();
  program.describe_certificates = preforkd::MakeCertificateDescriber();
  program.preload_module = preforkd::MakeModulePreloader();
  program.about_worker = &preforkd::AboutWorker;
  program.explain = &preforkd::ExplainPlace;
  return preforkd::RunProgram(argc, argv, program);
}
