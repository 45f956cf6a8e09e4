// preforkctl: asks a running preforkd about itself. So far it knows its own version only: the server has no
// control socket yet, and every other command needs one.
#include <fmt/core.h>

#include <cstdio>
#include <string_view>

#include "common/base/exit_code.h"
#include "common/base/quote.h"
#include "common/base/version.h"

namespace preforkd {
namespace {

constexpr std::string_view kHelp =
    "preforkctl: asks a running preforkd about itself.\n"
    "\n"
    "usage: preforkctl COMMAND\n"
    "\n"
    "commands:\n"
    "  version     print the version\n"
    "\n"
    "flags:\n"
    "  -h, --help  print this\n"
    "  --version   print the version\n";

ExitCode Misused(std::string_view mistake) {
  fmt::print(stderr, "preforkctl: {}; the only command so far is version, --help says more\n", mistake);
  return ExitCode::kUsage;
}

ExitCode Run(int argc, char** argv) {
  if (argc < 2) return Misused("no command");
  const std::string_view command = argv[1];
  if (argc > 2) return Misused(fmt::format("unexpected argument {}", Quoted(argv[2])));
  if (command == "version" || command == "--version") {
    fmt::print("preforkctl {}\n", kVersion);
  } else if (command == "-h" || command == "--help") {
    fmt::print("{}", kHelp);
  } else {
    return Misused(fmt::format("unknown command {}", Quoted(command)));
  }
  return ExitCode::kStopped;
}

}  // namespace
}  // namespace preforkd

int main(int argc, char** argv) { return static_cast<int>(preforkd::Run(argc, argv)); }
