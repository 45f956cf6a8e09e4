// preforkd as tools/bench measures it: master/main.cc with one service more, `measured`. Never installed.
#include "master/program.h"
#include "tools/benchmark/measured_service.h"
#include "worker/http/http_service_type.h"
#include "worker/worker.h"

int main(int argc, char** argv) {
  preforkd::ServiceTypes services;
  services["http"] = preforkd::HttpServiceType();
  services["measured"] = preforkd::benchmark::MeasuredServiceType();

  preforkd::Program program;
  for (const auto& [name, type] : services) program.service_types[name] = type.client_speaks_first;
  program.worker = preforkd::MakeWorkerEntry(services);
  return preforkd::RunProgram(argc, argv, program);
}
