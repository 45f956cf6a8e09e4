// Program: the whole of preforkd but for the worker, which main.cc brings. A program with services of its own
// is a main file that calls RunProgram with more types.
#ifndef PREFORKD_MASTER_PROGRAM_H_
#define PREFORKD_MASTER_PROGRAM_H_

#include <string>
#include <vector>

#include "common/base/version.h"
#include "common/config/setting.h"
#include "common/process/worker_start.h"

namespace preforkd {

struct Program {
  WorkerEntry worker;
  std::vector<ServiceDeclaration> service_types;  // those that `worker` knows
  std::string default_service = "http";           // the type that serves where neither a file nor a flag names one
  // What it calls itself towards the program before it and the one after.
  std::string version = kVersion;
};

// Command line to exit code (common/base/exit_code.h). Runs until the server has stopped.
int RunProgram(int argc, char** argv, const Program& program);

}  // namespace preforkd

#endif
