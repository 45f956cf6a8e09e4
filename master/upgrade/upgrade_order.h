// UpgradeOrder: what one program tells the next one to do at its start.
//
//   check,STATE               check the state and the configuration, start a test worker, print the verdict
//   restore,STATE,OLD         resume from the state; OLD is the old program, to return to on failure
//   return,STATE,OLD,REASON   resume as the old program, because the new one failed; REASON is free text
//   again,STATE,OLD,N,REASON  as return, after N failed attempts; sent by a program to itself only
//
// STATE and OLD are descriptor numbers. A check is ordered by a command line argument: a program that does
// not support upgrade refuses it instead of starting to serve. The other orders come in an environment
// variable, so that the command line stays as the operator wrote it. Operators use neither.
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
  int old_program = -1;  // kRestore, kReturn, kAgain
  std::string reason;    // kReturn, kAgain
  int failed = 0;        // kAgain: number of failed attempts

  // The old program resumes because the new one failed.
  [[nodiscard]] bool Returns() const { return kind == Kind::kReturn || kind == Kind::kAgain; }
  // This process has served before, as this or another program.
  [[nodiscard]] bool Restores() const { return kind == Kind::kRestore || Returns(); }

  bool operator==(const UpgradeOrder&) const = default;
};

// kNone for anything that is not an order.
UpgradeOrder ParseOrder(std::string_view text);
// Precondition: `order` is not kNone.
std::string TextOf(const UpgradeOrder& order);

// Prefixes of the argument, which comes last on the command line, and of the environment entry.
inline constexpr std::string_view kOrderArgument = "--upgrade=";
inline constexpr std::string_view kOrderVariable = "_PREFORKD_UPGRADE=";

// The operator's arguments, program name first, and the order that came with them.
struct CommandWords {
  std::vector<std::string> words;
  UpgradeOrder order;
};

// Reads `argv` and the environment. Wipes the variable from the environment: workers must not see it.
CommandWords TakeCommandLine(int argc, const char* const* argv);

// Null-terminated lists for execve(2). They borrow from `words`, from `variable` and from the environment.
std::vector<char*> PointersTo(const std::vector<std::string>& words);
std::vector<char*> EnvironmentWith(const std::string& variable);

// The last line that a successful check prints, followed by its version. The exit code alone proves nothing:
// any program may exit with 0. Part of the protocol between versions: do not change it.
inline constexpr std::string_view kWouldDo = "would do: preforkd ";

}  // namespace preforkd

#endif
