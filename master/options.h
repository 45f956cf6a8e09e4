// Parses the command line. It reads no file and no environment, and it does not validate configuration
// values: LoadConfig does, and names the flag in its errors.
#ifndef PREFORKD_MASTER_OPTIONS_H_
#define PREFORKD_MASTER_OPTIONS_H_

#include <optional>
#include <string>
#include <variant>

#include "common/about/about.h"
#include "common/base/exit_code.h"
#include "common/config/config_loader.h"
#include "master/explain_url.h"
#include "master/modules/try_request.h"

namespace preforkd {

struct Options {
  ConfigInputs inputs;  // without environment and service_types, which the caller sets
  bool check = false;
  bool print_config = false;
  bool daemonize = false;
  bool about = false;                 // --version --verbose
  std::optional<Url> explain;         // --explain
  std::optional<TryRequest> request;  // --try; `inputs` then has its module
};

// What to do instead of running, after --help, --version or a wrong flag.
struct EarlyExit {
  std::string text;  // ends with a newline; to stdout if `code` is kStopped, else to stderr
  ExitCode code = ExitCode::kStopped;
};

std::variant<Options, EarlyExit> ParseOptions(int argc, const char* const* argv);

// Of what parses the command line.
LibraryVersion OptionsLibrary();

}  // namespace preforkd

#endif
