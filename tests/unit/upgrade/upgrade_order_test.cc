// The order that one program gives to the next at its start.
#include "master/upgrade/upgrade_order.h"

#include <doctest/doctest.h>
#include <stdlib.h>

namespace preforkd::testing {
namespace {

using Kind = UpgradeOrder::Kind;

CommandWords Take(std::vector<std::string> words) {
  const std::vector<char*> pointers = PointersTo(words);
  return TakeCommandLine(static_cast<int>(words.size()), pointers.data());
}

}  // namespace

TEST_CASE("an order comes back as it was given") {
  for (const UpgradeOrder& order :
       {UpgradeOrder{Kind::kCheck, 7, -1, {}}, UpgradeOrder{Kind::kRestore, 0, 4711, {}},
        UpgradeOrder{Kind::kReturn, 3, 4, "it crashed, badly, and said: nothing"},
        UpgradeOrder{Kind::kReturn, 3, 4, ""}, UpgradeOrder{Kind::kAgain, 3, 4, "it crashed, badly", 59},
        UpgradeOrder{Kind::kAgain, 3, 4, "", 1}}) {
    CHECK(ParseOrder(TextOf(order)) == order);
  }
}

TEST_CASE("invalid orders are ignored") {
  for (const char* text :
       {"", "check", "check,", "check,x", "check,-1", "check,7,8", "restore,7", "restore,7,", "restore,7,x",
        "restore,7,8,9", "return,7", "return,x,7,why", "return,7,x,why", "revert,7,8", "again,7,8",
        "again,7,8,", "again,7,8,x,why", "again,7,8,-1,why", "check,99999999999999999999"}) {
    CAPTURE(std::string(text));
    CHECK(ParseOrder(text).kind == Kind::kNone);
  }
}

TEST_CASE("a check is the last argument and nothing else; the operator's arguments stay") {
  const CommandWords check = Take({"preforkd", "-c", "f", "--upgrade=check,9"});
  CHECK(check.order == UpgradeOrder{Kind::kCheck, 9, -1, {}});
  CHECK(check.words == std::vector<std::string>{"preforkd", "-c", "f"});
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"preforkd", "--upgrade=check,9", "-c"},
        {"preforkd", "--upgrade=restore,9,8"},
        {"preforkd", "--upgrade=return,9,8,why"},
        {"preforkd", "--upgrade=now"},
        {"--upgrade=check,9"},
        {"preforkd"}}) {
    const CommandWords command = Take(words);
    CHECK(command.order.kind == Kind::kNone);
    CHECK(command.words == words);  // left for the parser of flags to refuse
  }
}

TEST_CASE("the order is removed from the environment") {
  REQUIRE(::setenv("_PREFORKD_UPGRADE", "restore,5,6", 1) == 0);
  const CommandWords command = Take({"preforkd", "-c", "f"});
  CHECK(command.order == UpgradeOrder{Kind::kRestore, 5, 6, {}});
  CHECK(command.words.size() == 3);
  CHECK(::getenv("_PREFORKD_UPGRADE") == nullptr);
}

TEST_CASE("an environment with one variable more ends where it should") {
  const std::string variable = "_PREFORKD_UPGRADE=check,1";
  const std::vector<char*> environment = EnvironmentWith(variable);
  REQUIRE(environment.size() >= 2);
  CHECK(environment.back() == nullptr);
  CHECK(std::string(environment[environment.size() - 2]) == variable);
}

}  // namespace preforkd::testing
