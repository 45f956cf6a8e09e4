// RunProgram: all of preforkd except the worker, which main.cc adds. A program with services of its own is a
// main file that calls it with more types.
#ifndef PREFORKD_MASTER_PROGRAM_H_
#define PREFORKD_MASTER_PROGRAM_H_

#include "common/process/program.h"

namespace preforkd {

// From command line to exit code (common/base/exit_code.h). Returns when the server has stopped.
int RunProgram(int argc, char** argv, const Program& program);

}  // namespace preforkd

#endif
