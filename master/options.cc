#include "master/options.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "common/about/version.h"
#include "common/text/nearest.h"
#include "common/text/quote.h"

namespace preforkd {
namespace {

constexpr const char* kProgram = "preforkd";

// A command-line flag that sets a key of the configuration.
struct KeyFlag {
  const char* flag;
  const char* key;
  const char* value;
  const char* doc;
};
constexpr KeyFlag kKeyFlags[] = {
    {"--workers", "workers", "N|auto", "worker processes; auto: one per usable CPU"},
    {"--control", "control", "PATH", "socket of preforkctl"},
    {"--pid-file", "pid_file", "PATH", "file that holds the pid while the program runs"},
    {"--user", "user", "USER", "workers' identity when started as root"},
    {"--group", "group", "GROUP", "workers' group when started as root"},
    {"--log-level", "log.level", "LEVEL", "debug, info, notice, warning, error or alert"},
    {"--log-format", "log.format", "FORMAT", "text or json"},
    {"--log-file", "log.file", "PATH", "a path, stderr, syslog or syslog:FACILITY"},
};

class CommandLine {
 public:
  CommandLine();
  std::variant<Options, EarlyExit> Parse(int argc, const char* const* argv);

 private:
  using Receiver = std::function<void(const std::string&)>;

  void AddValue(const std::string& names, const char* value, const char* doc, Receiver receiver);
  void AddKeyFlags();
  void AddSet();
  void Override(std::string source, std::string key, std::string value);
  void Mistake(std::string text);
  // Describes the first word that is neither a known flag nor its value; empty if there is none.
  [[nodiscard]] std::string Unexpected(const std::vector<std::string>& words);
  // Takes METHOD TARGET [BODY] from the words that belong to no flag.
  void TakeRequest(std::vector<std::string>& words);

  CLI::App app_{"Multi-process server: one master accepts, and passes connections to forked workers.",
                kProgram};
  Options options_;
  std::optional<std::string> try_file_;
  bool version_ = false;
  bool verbose_ = false;
  bool help_ = false;
  std::string mistake_;  // the first mistake found by a receiver
};

CommandLine::CommandLine() {
  app_.set_help_flag();
  // Unknown flags are reported by Unexpected(), with the nearest known flag.
  app_.allow_extras();
  ConfigInputs& inputs = options_.inputs;
  AddValue("-c,--config", "FILE", "configuration file", [this](const std::string& value) {
    if (value.empty()) Mistake("-c: the name of the file is empty");
    options_.inputs.file = value;
  });
  AddValue("--listen", "ADDR",
           "listen here instead of on the configured addresses: IP:PORT, :PORT, unix:PATH, systemd:NAME; "
           "repeatable",
           [&inputs](const std::string& value) { inputs.listen.push_back(value); });
  AddValue("--service", "TYPE",
           "what --listen serves: http (default), echo or status; for a module: --module",
           [&inputs](const std::string& value) { inputs.service_type = value; });
  AddValue("--root", "DIR", "the folder that --listen serves",
           [&inputs](const std::string& value) { inputs.root = value; });
  AddValue(
      "--module", "FILE.so",
      "serve this module, on 127.0.0.1:8080 or where --listen says; repeatable: the first --listen is for "
      "the first of them, and so on",
      [&inputs](const std::string& value) { inputs.module_files.push_back(value); });
  AddValue(
      "--try", "FILE.so",
      "followed by METHOD TARGET [BODY]: start the module, send it one request, print the answer (its body "
      "to standard output), and exit: 0 for 2xx and 3xx, else 1; 78 if the module cannot be opened",
      [this](const std::string& value) { try_file_ = value; });
  AddValue("--explain", "URL",
           "print which listener, service, host and location answer this URL, with which file and settings, "
           "and exit",
           [this](const std::string& value) {
             const Result<Url> url = ParseUrl(value);
             if (!url.Ok()) return Mistake("--explain: " + url.Err().text);
             options_.explain = url.Value();
           });
  AddKeyFlags();
  AddSet();
  app_.add_flag("--daemonize", options_.daemonize, "run in the background, once the first workers are ready");
  app_.add_flag("--check", options_.check, "check the configuration, report its problems, and exit");
  app_.add_flag("--print-config", options_.print_config, "print the effective configuration, and exit");
  app_.add_flag("--version", version_, "print the version, and exit");
  app_.add_flag("--verbose", verbose_,
                "with --version: how it was built, formats, limits, and versions of libraries");
  app_.add_flag("-h,--help", help_, "print this, and exit");
}

// The receiver is called for each occurrence, in command-line order, so the last one wins.
void CommandLine::AddValue(const std::string& names, const char* value, const char* doc, Receiver receiver) {
  app_.add_option_function<std::string>(names, receiver, doc)->type_name(value)->trigger_on_parse();
}

void CommandLine::AddKeyFlags() {
  for (const KeyFlag& flag : kKeyFlags) {
    AddValue(flag.flag, flag.value, flag.doc,
             [this, &flag](const std::string& value) { Override(flag.flag, flag.key, value); });
  }
}

void CommandLine::AddSet() {
  AddValue("--set", "KEY=VALUE",
           "set any key of the configuration, such as dispatch.policy=round-robin; repeatable",
           [this](const std::string& setting) {
             const std::size_t equals = setting.find('=');
             if (equals == 0 || equals == std::string::npos) {
               return Mistake(fmt::format("--set: {} is not a setting; write KEY=VALUE, such as workers=4",
                                          Quoted(setting)));
             }
             Override("--set", setting.substr(0, equals), setting.substr(equals + 1));
           });
}

void CommandLine::Override(std::string source, std::string key, std::string value) {
  options_.inputs.flags.push_back({std::move(source), std::move(key), std::move(value)});
}

void CommandLine::Mistake(std::string text) {
  if (mistake_.empty()) mistake_ = std::move(text);
}

void CommandLine::TakeRequest(std::vector<std::string>& words) {
  ConfigInputs& inputs = options_.inputs;
  if (!inputs.file.empty() || !inputs.listen.empty() || !inputs.module_files.empty()) {
    return Mistake("--try: has one module and no listener; leave out -c, --listen and --module");
  }
  const auto is_flag = [](const std::string& word) { return word.size() > 1 && word[0] == '-'; };
  if (std::any_of(words.begin(), words.end(), is_flag)) {
    std::erase_if(words, [&](const std::string& word) { return !is_flag(word); });
    return;  // reported by Unexpected()
  }
  if (words.size() < 2 || words.size() > 3) {
    return Mistake("--try: write FILE.so METHOD TARGET [BODY], such as --try ./hello.so GET /hello");
  }
  options_.request = TryRequest{words[0], words[1], std::nullopt};
  if (words.size() > 2) options_.request->body = words[2];
  words.clear();
  inputs.module_files = {*try_file_};
}

std::string CommandLine::Unexpected(const std::vector<std::string>& words) {
  if (words.empty()) return {};
  const std::string& word = words.front();
  if (!word.starts_with('-'))
    return fmt::format("unexpected argument {}; every argument is a flag", Quoted(word));
  std::vector<std::string> flags;
  for (const CLI::Option* option : app_.get_options()) flags.push_back(option->get_name());
  const std::string flag = word.substr(0, word.find('='));
  const std::string hint = DidYouMean(flag, flags);
  return fmt::format("unknown flag {}{}", Quoted(flag), hint.empty() ? "; --help lists all" : hint);
}

// CLI11 takes the value of `--flag=` from the next word. Split in two, it has the empty value that it means.
std::vector<std::string> Words(int argc, const char* const* argv) {
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const bool empty_value = word.starts_with("--") && word.find('=') == word.size() - 1;
    words.emplace_back(empty_value ? word.substr(0, word.size() - 1) : word);
    if (empty_value) words.emplace_back();
  }
  return words;
}

EarlyExit Misused(std::string_view mistake) {
  return {fmt::format("{}: {}\n", kProgram, Escaped(mistake)), ExitCode::kUsage};
}

std::variant<Options, EarlyExit> CommandLine::Parse(int argc, const char* const* argv) {
  std::vector<std::string> words = Words(argc, argv);
  std::reverse(words.begin(), words.end());  // CLI11 takes the words from the back
  try {
    app_.parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    return Misused(fmt::format("{}; --help lists all flags", error.what()));
  }
  if (help_) return EarlyExit{app_.help()};
  if (version_ && verbose_) {
    Options about;
    about.about = true;
    return about;
  }
  if (version_) return EarlyExit{fmt::format("{} {}\n", kProgram, kVersion)};
  if (verbose_) Mistake("--verbose: write --version --verbose; for more in the log: --log-level debug");
  std::vector<std::string> others = app_.remaining();
  if (try_file_) TakeRequest(others);
  if (mistake_.empty()) mistake_ = Unexpected(others);
  if (!mistake_.empty()) return Misused(mistake_);
  return std::move(options_);
}

}  // namespace

std::variant<Options, EarlyExit> ParseOptions(int argc, const char* const* argv) {
  return CommandLine().Parse(argc, argv);
}

LibraryVersion OptionsLibrary() { return {"CLI11", LibraryVersion::Linked::kHeaders, CLI11_VERSION, ""}; }

}  // namespace preforkd
