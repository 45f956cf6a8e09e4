// Program: what makes this program this one: its worker, its services, its name. The main file says it; the
// rest of the tree is the same for every program.
#ifndef PREFORKD_COMMON_PROCESS_PROGRAM_H_
#define PREFORKD_COMMON_PROCESS_PROGRAM_H_

#include <string>
#include <vector>

#include "common/base/version.h"
#include "common/config/setting.h"
#include "common/process/worker_start.h"

namespace preforkd {

struct Program {
  WorkerEntry worker;
  std::vector<ServiceDeclaration> service_types;  // those that `worker` knows
  std::string default_service = "http";  // the type that serves where neither a file nor a flag names one
  // What it calls itself towards the program before it and the one after.
  std::string version = kVersion;
};

}  // namespace preforkd

#endif
