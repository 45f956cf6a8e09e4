// Program: the parts that differ between programs: the worker, the services, the version. The main file sets
// them; the rest of the tree is the same for every program.
#ifndef PREFORKD_COMMON_PROCESS_PROGRAM_H_
#define PREFORKD_COMMON_PROCESS_PROGRAM_H_

#include <functional>
#include <string>
#include <vector>

#include "common/about/about.h"
#include "common/about/version.h"
#include "common/base/result.h"
#include "common/config/config.h"
#include "common/config/setting.h"
#include "common/process/worker_start.h"

namespace preforkd {

struct ExplainedUrl {
  bool tls = false;
  std::string authority;  // host, perhaps with a port
  std::string target;     // path and query
};

struct Program {
  WorkerEntry worker;
  // Runs in a process that is thrown away: opens a module and sends what it declares (module_codec.h) to
  // WorkerStart::channel, here the write end of a pipe. Needed if `service_types` has the type "module".
  WorkerEntry describe_module;
  // The same for certificates (certificate_answer.h). Needed if a listener may have tls.
  WorkerEntry describe_certificates;
  // The same for the preload of a module, which fills the one area of WorkerStart::preloads and sends what it
  // has done (EncodePreload).
  WorkerEntry preload_module;
  std::vector<ServiceDeclaration> service_types;  // those that `worker` knows
  std::string default_service = "http";           // used if neither a file nor a flag names a type
  // What --explain prints of the service that answers a URL. Error: no client may send that URL.
  std::function<Result<std::string>(const ServiceConfig& service, const ExplainedUrl& url)> explain;
  // What --version --verbose says of the worker; without it, nothing.
  std::function<About()> about_worker;
  // What it reports to the program before it and to the one after it (upgrade).
  std::string version = kVersion;
};

}  // namespace preforkd

#endif
