// Runs programs that end by themselves; a test checks their output and exit status.
#ifndef PREFORKD_TESTS_SUPPORT_COMMAND_H_
#define PREFORKD_TESTS_SUPPORT_COMMAND_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/unique_fd.h"
#include "tests/support/wait_until.h"

namespace preforkd::testing {

// The path of a program of this tree that `data` names. An absolute path stays as it is.
std::string RunfilePath(const std::string& binary);

struct CommandResult {
  int code = -1;  // 128 + the signal that ended it; -1: it did not end in time, and was killed
  std::string out;
  std::string err;
};

// `words`: the path of the program, then its arguments. Neither standard output nor error is a terminal.
CommandResult RunCommand(const std::vector<std::string>& words, Duration timeout = kTimeout);

// A program on a terminal of 80 x 24.
class TerminalCommand {
 public:
  explicit TerminalCommand(const std::vector<std::string>& words);
  TerminalCommand(const TerminalCommand&) = delete;
  TerminalCommand& operator=(const TerminalCommand&) = delete;
  ~TerminalCommand();

  void Type(std::string_view keys) const;
  void Resize(unsigned short columns, unsigned short rows) const;
  // Waits until `text` appears after the place where the last successful call ended.
  [[nodiscard]] bool Shows(std::string_view text);
  // Everything that it has written.
  [[nodiscard]] const std::string& Written() const { return written_; }
  [[nodiscard]] pid_t Pid() const { return pid_; }
  // Its line discipline: keys are echoed and lines are edited, as in a shell.
  [[nodiscard]] bool IsCooked() const;
  // Like CommandResult::code.
  int Wait();

 private:
  bool Read();

  UniqueFd terminal_;
  pid_t pid_ = 0;
  std::string written_;
  std::size_t seen_ = 0;
};

}  // namespace preforkd::testing

#endif
