// OutputPipe: what a child process writes, for the master to read.
#ifndef PREFORKD_MASTER_SYSTEM_OUTPUT_PIPE_H_
#define PREFORKD_MASTER_SYSTEM_OUTPUT_PIPE_H_

#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace preforkd {

// Both ends are close-on-exec. Only the master's is non-blocking: the other one may become the child's
// standard output.
struct OutputPipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

// Error: EMFILE, ENFILE.
Result<OutputPipe> MakeOutputPipe();

}  // namespace preforkd

#endif
