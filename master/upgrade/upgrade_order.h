// UpgradeOrder: what one program tells the next to do, at its start.
//
//   check,STATE             look at the state and the configuration, start a worker for a try, and say
//   whether an upgrade
//                           would do
//   restore,STATE,OLD         go on from the state; OLD is the program that left, to return to
//   return,STATE,OLD,REASON the same program again, because the other one could not: the rest of the text
//   again,STATE,OLD,N,REASON
//                           the same, after N attempts of the same program to return that failed; a program
//                           gives this order to itself only
//
// STATE and OLD are numbers of descriptors. A check is ordered by an argument, which a program that knows
// nothing of upgrades refuses instead of starting to serve; the others by a variable in the environment, so
// that the command line stays what the operator wrote. Neither is for people.
#ifndef PREFORKD_MASTER_UPGRADE_UPGRADE_ORDER_H_
#define PREFORKD_MASTER_UPGRADE_UPGRADE_ORDER_H_

#include <string>
#include <string_view>
#include <vector>

namespace preforkd {

struct UpgradeOrder {
  enum class Kind { kNone, kCheck, kRestore, kReturn, kAgain };
  Kind kind = Kind::kNone;
  int state = -1;
  int old_program = -1;  // kAdopt, kReturn, kAgain
  std::string reason;    // kReturn, kAgain
  int failed = 0;        // kAgain: attempts

  // The program before this one could not be replaced, and goes on.
  [[nodiscard]] bool Returns() const { return kind == Kind::kReturn || kind == Kind::kAgain; }
  // This process has served before, as this or another program.
  [[nodiscard]] bool Restores() const { return kind == Kind::kRestore || Returns(); }

  bool operator==(const UpgradeOrder&) const = default;
};

// kNone when it is something else.
UpgradeOrder ParseOrder(std::string_view text);
// Of one that is not kNone.
std::string TextOf(const UpgradeOrder& order);

// The argument, which comes last, and the variable, each with its '=' and the text behind that.
inline constexpr std::string_view kOrderArgument = "--upgrade=";
inline constexpr std::string_view kOrderVariable = "_PREFORKD_UPGRADE=";

// The operator's own arguments, the program's name first, and what was ordered beside them.
struct CommandWords {
  std::vector<std::string> words;
  UpgradeOrder order;
};

// Looks into `argv` and the environment, from which the variable is wiped: a worker must not find it.
CommandWords TakeCommandLine(int argc, const char* const* argv);

// Lists as execve(2) wants them; they borrow from `words`, from `variable` and from the environment.
std::vector<char*> PointersTo(const std::vector<std::string>& words);
std::vector<char*> EnvironmentWith(const std::string& variable);

// What a program that would do says, as its last line: with its version behind it. An exit code alone proves
// nothing: any program may end with 0.
inline constexpr std::string_view kWouldDo = "would do: preforkd ";

}  // namespace preforkd

#endif
