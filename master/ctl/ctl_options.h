// Parses preforkctl's command line. Pure, except that it reads one environment variable.
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
  bool verbose = false;      // version
  bool wait = false;         // reload, upgrade
  std::uint32_t number = 0;  // scale: workers, retire: slot
  std::string pool;          // scale: the pool; empty: main
  std::uint32_t count = 0;   // top: number of tables; 0: until interrupted
};

// Nothing is left to do: prints `text` (to standard error unless the code is 0) and exits with `code`.
struct CtlEarlyExit {
  std::string text;
  ExitCode code = ExitCode::kStopped;
};

// `control` is --control, else PREFORKD_CONTROL, else the server's default.
std::variant<CtlOptions, CtlEarlyExit> ParseCtlOptions(int argc, const char* const* argv);

// What version --verbose prints.
std::string AboutCtl();

}  // namespace preforkd

#endif
