// The command line.
#include "master/options.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace preforkd::testing {
namespace {

std::variant<Options, EarlyExit> Parse(std::vector<const char*> words) {
  words.insert(words.begin(), "preforkd");
  return ParseOptions(static_cast<int>(words.size()), words.data());
}

Options Good(const std::vector<const char*>& words) {
  auto parsed = Parse(words);
  if (const auto* exit = std::get_if<EarlyExit>(&parsed)) FAIL(exit->text);
  return std::get<Options>(parsed);
}

EarlyExit Ended(const std::vector<const char*>& words) {
  auto parsed = Parse(words);
  REQUIRE(std::holds_alternative<EarlyExit>(parsed));
  return std::get<EarlyExit>(parsed);
}

TEST_CASE("no flags: all defaults") {
  const Options options = Good({});
  CHECK(options.inputs.file.empty());
  CHECK(options.inputs.flags.empty());
  CHECK(options.inputs.listen.empty());
  CHECK(options.inputs.service_type.empty());
  CHECK(options.inputs.root.empty());
  CHECK_FALSE(options.check);
  CHECK_FALSE(options.print_config);
  CHECK_FALSE(options.daemonize);
}

TEST_CASE("flags that are not keys") {
  const Options options = Good({"-c", "a.toml", "--listen", ":80", "--listen=[::1]:81", "--service", "echo",
                                "--root", "/srv", "--check", "--print-config", "--daemonize"});
  CHECK(options.inputs.file == "a.toml");
  CHECK(options.inputs.listen == std::vector<std::string>{":80", "[::1]:81"});
  CHECK(options.inputs.service_type == "echo");
  CHECK(options.inputs.root == "/srv");
  CHECK(options.check);
  CHECK(options.print_config);
  CHECK(options.daemonize);
  CHECK(Good({"--config", "b.toml"}).inputs.file == "b.toml");
}

TEST_CASE("flags that stand for keys keep their order") {
  const Options options = Good({"--set",   "workers=1",  "--workers",   "2",      "--control",
                                "/c",      "--pid-file", "/p",          "--user", "u",
                                "--group", "g",          "--log-level", "debug",  "--log-format",
                                "json",    "--log-file", "/l",          "--set",  "service.a.x=b=c"});
  const std::vector<ConfigOverride> expected = {{"--set", "workers", "1"},
                                                {"--workers", "workers", "2"},
                                                {"--control", "control", "/c"},
                                                {"--pid-file", "pid_file", "/p"},
                                                {"--user", "user", "u"},
                                                {"--group", "group", "g"},
                                                {"--log-level", "log.level", "debug"},
                                                {"--log-format", "log.format", "json"},
                                                {"--log-file", "log.file", "/l"},
                                                {"--set", "service.a.x", "b=c"}};
  CHECK(options.inputs.flags == expected);
}

TEST_CASE("--module and --try") {
  CHECK(Good({"--module", "a.so", "--module=b.so"}).inputs.module_files ==
        std::vector<std::string>{"a.so", "b.so"});
  const Options options = Good({"--try", "a.so", "POST", "/x", "a body", "--set", "service.a.k=v"});
  REQUIRE(options.request.has_value());
  CHECK(options.request->method == "POST");
  CHECK(options.request->target == "/x");
  CHECK(options.request->body == "a body");
  CHECK(options.inputs.module_files == std::vector<std::string>{"a.so"});
  CHECK(options.inputs.flags.size() == 1);
  CHECK_FALSE(Good({"--try", "a.so", "GET", "/"}).request->body.has_value());
  CHECK_FALSE(Good({"--module", "a.so"}).request.has_value());
}

TEST_CASE("one word after --listen is its value, and no more") {
  const EarlyExit exit = Ended({"--listen", ":80", ":81"});
  CHECK(exit.code == ExitCode::kUsage);
  CHECK(exit.text == "preforkd: unexpected argument ':81'; every argument is a flag\n");
}

TEST_CASE("a flag given twice: the last one wins") {
  const Options options = Good({"-c", "a", "-c", "b", "--root", "/x", "--root", "/y"});
  CHECK(options.inputs.file == "b");
  CHECK(options.inputs.root == "/y");
}

TEST_CASE("an empty value is a value") {
  const Options options = Good({"--user=", "--group", "", "--set=pid_file=", "--daemonize"});
  const std::vector<ConfigOverride> expected = {
      {"--user", "user", ""}, {"--group", "group", ""}, {"--set", "pid_file", ""}};
  CHECK(options.inputs.flags == expected);
  CHECK(options.daemonize);
}

TEST_CASE("values that look like something else") {
  const Options options = Good({"--set", "a=[1,2]", "--root", "-x", "--listen", "[::]:80"});
  CHECK(options.inputs.flags == std::vector<ConfigOverride>{{"--set", "a", "[1,2]"}});
  CHECK(options.inputs.root == "-x");
  CHECK(options.inputs.listen == std::vector<std::string>{"[::]:80"});
}

TEST_CASE("help and version exit with success") {
  const EarlyExit help = Ended({"--help"});
  CHECK(help.code == ExitCode::kStopped);
  for (const char* flag :
       {"--config", "--listen", "--service", "--root", "--workers", "--control", "--pid-file", "--daemonize",
        "--user", "--group", "--log-level", "--log-format", "--log-file", "--set", "--module", "--try",
        "--check", "--print-config", "--version"}) {
    CAPTURE(flag);
    CHECK(help.text.find(flag) != std::string::npos);
  }
  const EarlyExit version = Ended({"--version"});
  CHECK(version.code == ExitCode::kStopped);
  CHECK(version.text == "preforkd 0.2.0\n");
  CHECK(Good({"--version", "--verbose"}).about);
  CHECK(Good({"--verbose", "--version"}).about);
  CHECK_FALSE(Good({}).about);
}

struct Misuse {
  std::vector<const char*> words;
  const char* says;
};

TEST_CASE("wrong flags are named, with the nearest") {
  const Misuse cases[] = {
      {{"--worker", "2"}, "unknown flag '--worker'; did you mean '--workers'?"},
      {{"--lisen=:80"}, "unknown flag '--lisen'; did you mean '--listen'?"},
      {{"--verbose"}, "--verbose: write --version --verbose; for more in the log: --log-level debug"},
      {{"--frobnicate"}, "unknown flag '--frobnicate'; --help lists all"},
      {{"-x"}, "unknown flag '-x'"},
      {{"serve"}, "unexpected argument 'serve'"},
      {{""}, "unexpected argument ''"},
      {{"--check="}, "unexpected argument ''"},
      {{"--listen"}, "--listen"},
      {{"--workers"}, "--workers"},
      {{"-c", ""}, "-c: the name of the file is empty"},
      {{"--config="}, "-c: the name of the file is empty"},
      {{"--set", "workers"}, "--set: 'workers' is not a setting; write KEY=VALUE"},
      {{"--set", "=1"}, "--set: '=1' is not a setting"},
      {{"--set", "x", "--unknown"}, "--set: 'x' is not a setting"},
      {{"--try", "a.so"}, "--try: write FILE.so METHOD TARGET [BODY]"},
      {{"--try", "a.so", "GET", "/", "b", "c"}, "--try: write FILE.so METHOD TARGET [BODY]"},
      {{"--try", "a.so", "GET", "/", "-c", "x"}, "--try: has one module and no listener"},
      {{"--try", "a.so", "GET", "/", "--wrokers"}, "unknown flag '--wrokers'"},
      {{"GET", "/"}, "unexpected argument 'GET'"},
      {{"--a\nb"}, "unknown flag '--a\\x0ab'"},
  };
  for (const Misuse& misuse : cases) {
    CAPTURE(misuse.says);
    const EarlyExit exit = Ended(misuse.words);
    CHECK(exit.code == ExitCode::kUsage);
    CHECK_MESSAGE(exit.text.find(misuse.says) != std::string::npos, exit.text);
    CHECK(exit.text.find('\n') == exit.text.size() - 1);
  }
}

}  // namespace
}  // namespace preforkd::testing
