// preforkd with three additional services: master/main.cc plus `fault`, `body` and `notes`. For tests only;
// never installed.
#include "master/program.h"
#include "tests/fault/body_service.h"
#include "tests/fault/fault_service.h"
#include "tests/fault/notes_service.h"
#include "worker/process/worker.h"
#include "worker/services/echo.h"
#include "worker/services/http_service_type.h"
#include "worker/services/status_service.h"

int main(int argc, char** argv) {
  preforkd::ServiceTypes services;
  services["http"] = preforkd::HttpServiceType();
  services["status"] = preforkd::StatusServiceType();
  services["echo"] = preforkd::EchoServiceType();
  services["fault"] = preforkd::testing::FaultServiceType();
  services["body"] = preforkd::testing::BodyServiceType();
  services["notes"] = preforkd::testing::NotesServiceType();

  preforkd::Program program;
  program.service_types = preforkd::Declarations(services);
  program.worker = preforkd::MakeWorkerEntry(services);
  return preforkd::RunProgram(argc, argv, program);
}
