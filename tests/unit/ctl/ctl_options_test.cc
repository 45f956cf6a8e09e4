#include "master/ctl/ctl_options.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <vector>

namespace preforkd::testing {
namespace {

std::variant<CtlOptions, CtlEarlyExit> Parse(std::vector<const char*> words) {
  words.insert(words.begin(), "preforkctl");
  return ParseCtlOptions(static_cast<int>(words.size()), words.data());
}

CtlOptions Good(std::vector<const char*> words) {
  const auto parsed = Parse(std::move(words));
  if (const auto* early = std::get_if<CtlEarlyExit>(&parsed)) FAIL("refused: ", early->text);
  return std::get<CtlOptions>(parsed);
}

void CheckMistake(std::vector<const char*> words, const std::string& text) {
  const auto parsed = Parse(std::move(words));
  const auto* early = std::get_if<CtlEarlyExit>(&parsed);
  REQUIRE(early != nullptr);
  CHECK(early->code == ExitCode::kUsage);
  CHECK(early->text == "preforkctl: " + text + "; see --help\n");
}

}  // namespace

TEST_CASE("commands and their arguments, flags before and behind them") {
  CHECK(Good({"status"}).command == "status");
  CHECK(Good({"--json", "workers"}).json);
  CHECK(Good({"workers", "--json"}).json);
  CHECK(Good({"reload", "--wait"}).wait);
  CHECK(Good({"scale", "12"}).number == 12);
  CHECK(Good({"scale", "12"}).pool.empty());
  CHECK(Good({"scale", "app=3"}).number == 3);
  CHECK(Good({"scale", "app=3"}).pool == "app");
  CHECK(Good({"retire", "0"}).number == 0);
  CHECK(Good({"top", "--count", "3"}).count == 3);
  CHECK(Good({"--control", "/x", "stop"}).control == "/x");
}

TEST_CASE("where the socket is: the flag, the environment, the server's default") {
  ::setenv("PREFORKD_CONTROL", "/from/environment", 1);
  CHECK(Good({"status"}).control == "/from/environment");
  CHECK(Good({"--control", "/x", "status"}).control == "/x");
  ::unsetenv("PREFORKD_CONTROL");
  CHECK(Good({"status"}).control == "/run/preforkd/control.sock");
}

TEST_CASE("mistakes are named") {
  CheckMistake({}, "no command");
  CheckMistake({"relaod"}, "unknown command 'relaod'; did you mean 'reload'?");
  CheckMistake({"--jsn", "status"}, "unknown flag '--jsn'; did you mean '--json'?");
  CheckMistake({"status", "now"}, "unexpected argument 'now'");
  CheckMistake({"scale"}, "scale needs [POOL=]N");
  CheckMistake({"scale", "many"}, "scale: 'many' is not a number for [POOL=]N");
  CheckMistake({"scale", "4294967296"}, "scale: '4294967296' is not a number for [POOL=]N");
  CheckMistake({"scale", "app="}, "scale: 'app=' is not a number for [POOL=]N");
  CheckMistake({"scale", "app=-1"}, "scale: 'app=-1' is not a number for [POOL=]N");
  CheckMistake({"scale", "=3"}, "scale: '=3' has no pool name before the '='");
  CheckMistake({"retire", "app=3"}, "retire: 'app=3' is not a number for SLOT");
  CheckMistake({"stop", "--wait"}, "stop does not take --wait");
  CheckMistake({"status", "--count", "2"}, "status does not take --count");
  CheckMistake({"top", "--count", "0"}, "--count: '0' is not a number of tables");
  CheckMistake({"--json", "top"}, "top has no JSON output; use status --json");
}

TEST_CASE("help names every command") {
  const auto parsed = Parse({"--help"});
  const auto& early = std::get<CtlEarlyExit>(parsed);
  CHECK(early.code == ExitCode::kStopped);
  for (const char* command : {"status", "workers", "top", "metrics", "reload [--wait]", "upgrade [--wait]",
                              "stop", "scale [POOL=]N", "retire SLOT", "reopen-logs", "config", "version"}) {
    CHECK(early.text.find(std::string("\n  ") + command) != std::string::npos);
  }
}

}  // namespace preforkd::testing
