// preforkd as tools/bench measures it: master/main.cc with one service more, `measured`. Never installed.
#include "master/program.h"
#include "tools/benchmark/measured_service.h"
#include "worker/http/http_service_type.h"
#include "worker/process/worker.h"

int main(int argc, char** argv) {
  preforkd::ServiceTypes services;
  services["http"] = preforkd::HttpServiceType();
  services["measured"] = preforkd::benchmark::MeasuredServiceType();

  preforkd::Program program;
  program.service_types = preforkd::Declarations(services);
  program.worker = preforkd::MakeWorkerEntry(services);
  return preforkd::RunProgram(argc, argv, program);
}
