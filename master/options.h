// The command line, taken apart. Reads nothing else: no file, no environment, and no value is judged here
// that the configuration judges (LoadConfig does, with the flag as the place).
#ifndef PREFORKD_MASTER_OPTIONS_H_
#define PREFORKD_MASTER_OPTIONS_H_

#include <string>
#include <variant>

#include "common/base/exit_code.h"
#include "common/config/config_loader.h"

namespace preforkd {

struct Options {
  ConfigInputs inputs;  // without environment and service_types: the caller's
  bool check = false;
  bool print_config = false;
  bool daemonize = false;
};

// What to do instead of running: --help, --version, or flags that are wrong.
struct EarlyExit {
  std::string text;  // ends with a newline; for stdout when `code` is kStopped, else for stderr
  ExitCode code = ExitCode::kStopped;
};

std::variant<Options, EarlyExit> ParseOptions(int argc, const char* const* argv);

}  // namespace preforkd

#endif
