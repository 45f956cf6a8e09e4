#include "master/system/output_pipe.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "common/base/sys_error.h"

namespace preforkd {

Result<OutputPipe> MakeOutputPipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) < 0) return SysError("pipe2");
  OutputPipe pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
  if (::fcntl(pipe.read_end.Get(), F_SETFL, O_NONBLOCK) < 0) return SysError("fcntl", "pipe");
  return pipe;
}

}  // namespace preforkd
