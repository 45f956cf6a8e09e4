#include "master/ctl/ctl_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <string_view>
#include <vector>

#include "common/about/about.h"
#include "common/about/version.h"
#include "common/config/config.h"
#include "common/control/control_message.h"
#include "common/text/nearest.h"
#include "common/text/quote.h"

namespace preforkd {
namespace {

struct CommandRow {
  std::string_view name;
  std::string_view argument;  // empty: none
  std::string_view flag;      // in addition to those of every command; empty: none
  std::string_view doc;
};
constexpr CommandRow kCommands[] = {
    {"status", "", "", "what the server is doing: connections, listeners, workers"},
    {"workers", "", "", "only the workers"},
    {"certificates", "", "", "the certificates in service: names, ends, days left"},
    {"top", "", "--count", "the same once a second with rates; q quits, s r p m c sort"},
    {"metrics", "", "", "the counters in Prometheus format"},
    {"reload", "", "--wait", "read the configuration again and start a new generation"},
    {"upgrade", "", "--wait", "replace the program in place"},
    {"stop", "", "", "stop gracefully; a second stop: at once"},
    {"scale", "[POOL=]N", "", "run N workers in the pool from now on; without POOL: in main"},
    {"retire", "SLOT", "", "replace the worker in that slot"},
    {"reopen-logs", "", "", "reopen the log files; returns when all workers have"},
    {"config", "", "", "print the configuration in service"},
    {"version", "", "--verbose", "print the version of preforkctl"},
};

constexpr std::string_view kFlags =
    "  --control PATH  the server's socket; default: $PREFORKD_CONTROL, else /run/preforkd/control.sock\n"
    "  --json          answer in JSON\n"
    "  --wait          reload, upgrade: return when the new generation serves or was refused\n"
    "  --count N       top: end after N tables; default without a terminal: 1\n"
    "  -h, --help      print this\n"
    "  --version       print the version\n"
    "  --verbose       version: with how it was built, and versions of libraries\n";

constexpr std::string_view kExitCodes =
    "exit codes: 0 done, 1 the server refused (with a reason), 64 wrong command line, 69 no server answers,\n"
    "            77 permission denied\n";

std::string Help() {
  std::string text =
      "preforkctl: shows the state of a running preforkd and controls it.\n\n"
      "usage: preforkctl [--control PATH] [--json] COMMAND\n\ncommands:\n";
  for (const CommandRow& row : kCommands) {
    std::string usage = fmt::format("{} {}", row.name, row.argument);
    if (!row.flag.empty()) usage += fmt::format("[{}{}]", row.flag, row.flag == "--count" ? " N" : "");
    text += fmt::format("  {:<19}  {}\n", usage, row.doc);
  }
  return fmt::format("{}\nflags:\n{}\n{}", text, kFlags, kExitCodes);
}

CtlEarlyExit Misused(std::string_view mistake) {
  return {fmt::format("preforkctl: {}; see --help\n", mistake), ExitCode::kUsage};
}

const CommandRow* FindCommand(std::string_view name) {
  const auto* row = std::find_if(std::begin(kCommands), std::end(kCommands),
                                 [name](const CommandRow& candidate) { return candidate.name == name; });
  return row == std::end(kCommands) ? nullptr : row;
}

std::string Unknown(std::string_view kind, const std::string& word, const std::vector<std::string>& known) {
  return fmt::format("unknown {} {}{}", kind, Quoted(word), DidYouMean(word, known));
}

std::vector<std::string> CommandNames() {
  std::vector<std::string> names;
  for (const CommandRow& row : kCommands) names.emplace_back(row.name);
  return names;
}

std::optional<std::uint32_t> Number(std::string_view word) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return number;
}

std::string DefaultControl() {
  const char* named = std::getenv("PREFORKD_CONTROL");
  return named != nullptr && *named != '\0' ? named : Config{}.control;
}

}  // namespace

std::string AboutCtl() {
  About about = AboutBuild();
  about.libraries.push_back(JsonLibrary());
  about.libraries.push_back({"CLI11", LibraryVersion::Linked::kHeaders, CLI11_VERSION, ""});
  return AboutText(fmt::format("preforkctl {}", kVersion), about);
}

std::variant<CtlOptions, CtlEarlyExit> ParseCtlOptions(int argc, const char* const* argv) {
  CtlOptions options;
  options.control = DefaultControl();
  bool help = false;
  bool version = false;
  std::string count;
  std::vector<std::string> words;
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  app.add_option("--control", options.control);
  app.add_flag("--json", options.json);
  app.add_flag("--wait", options.wait);
  const CLI::Option* counted = app.add_option("--count", count);
  app.add_flag("-h,--help", help);
  app.add_flag("--version", version);
  app.add_flag("--verbose", options.verbose);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return Misused(error.what());
  }
  words = app.remaining();
  if (help) return CtlEarlyExit{Help(), ExitCode::kStopped};
  if (version) {
    return CtlEarlyExit{options.verbose ? AboutCtl() : fmt::format("preforkctl {}\n", kVersion),
                        ExitCode::kStopped};
  }
  for (const std::string& word : words) {
    if (word.size() > 1 && word.starts_with('-')) {
      return Misused(Unknown(
          "flag", word, {"--control", "--json", "--wait", "--count", "--help", "--version", "--verbose"}));
    }
  }
  if (words.empty()) return Misused("no command");
  const CommandRow* command = FindCommand(words.front());
  if (command == nullptr) return Misused(Unknown("command", words.front(), CommandNames()));
  options.command = command->name;
  if (options.wait && command->flag != "--wait")
    return Misused(fmt::format("{} does not take --wait", command->name));
  if (options.verbose && command->flag != "--verbose")
    return Misused(fmt::format("{} does not take --verbose", command->name));
  if (!counted->empty()) {
    const std::optional<std::uint32_t> frames = Number(count);
    if (command->flag != "--count") return Misused(fmt::format("{} does not take --count", command->name));
    if (!frames || *frames == 0)
      return Misused(fmt::format("--count: {} is not a number of tables", Quoted(count)));
    options.count = *frames;
  }
  const std::size_t wanted = command->argument.empty() ? 1 : 2;
  if (words.size() > wanted) return Misused(fmt::format("unexpected argument {}", Quoted(words[wanted])));
  if (words.size() < wanted) return Misused(fmt::format("{} needs {}", command->name, command->argument));
  if (wanted == 2) {
    std::string_view word = words[1];
    if (const std::size_t equals = word.find('=');
        equals != std::string_view::npos && command->name == "scale") {
      options.pool = word.substr(0, equals);
      word.remove_prefix(equals + 1);
      if (options.pool.empty())
        return Misused(fmt::format("scale: {} has no pool name before the '='", Quoted(words[1])));
    }
    const std::optional<std::uint32_t> number = Number(word);
    if (!number) {
      return Misused(
          fmt::format("{}: {} is not a number for {}", command->name, Quoted(words[1]), command->argument));
    }
    options.number = *number;
  }
  if (options.json && options.verbose) return Misused("version: --verbose has no JSON output");
  if (options.json && command->name == "top") return Misused("top has no JSON output; use status --json");
  return options;
}

}  // namespace preforkd
