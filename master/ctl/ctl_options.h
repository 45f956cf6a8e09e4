// preforkctl's command line: words to what is to be done. Pure but for one look at the environment.
#ifndef PREFORKD_MASTER_CTL_CTL_OPTIONS_H_
#define PREFORKD_MASTER_CTL_CTL_OPTIONS_H_

#include <cstdint>
#include <string>
#include <variant>

#include "common/base/exit_code.h"

namespace preforkd {

struct CtlOptions {
  std::string control;  // path of the socket
  bool json = false;
  std::string command;       // one of those in the help
  bool wait = false;         // reload, upgrade
  std::uint32_t number = 0;  // scale: workers, retire: slot
  std::string pool;          // scale: of which; empty: main
  std::uint32_t count = 0;   // top: frames; 0: until it is ended
};

// Nothing is left to do: what to print (on standard error unless the code is 0), and the exit code.
struct CtlEarlyExit {
  std::string text;
  ExitCode code = ExitCode::kStopped;
};

// `control` is --control, or PREFORKD_CONTROL, or the server's default.
std::variant<CtlOptions, CtlEarlyExit> ParseCtlOptions(int argc, const char* const* argv);

}  // namespace preforkd

#endif
