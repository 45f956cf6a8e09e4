#include "tests/support/strace.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cctype>
#include <csignal>
#include <sstream>
#include <utility>

#include "tests/support/log_oracle.h"
#include "tests/support/proc_status.h"
#include "tests/support/temp_directory.h"
#include "tests/support/wait_until.h"

namespace preforkd::testing {

Strace::Strace(pid_t target, std::vector<std::string> options, std::string output)
    : target_(target), output_(std::move(output)) {
  std::vector<std::string> words = {"strace", "-q", "-o", output_, "-p", std::to_string(target)};
  words.insert(words.end(), options.begin(), options.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ != 0) return;
  ::execvp(arguments.front(), arguments.data());
  ::_exit(127);
}

bool Strace::Attached() const {
  const auto attached = [this] { return StatusField(target_, "TracerPid") == std::to_string(pid_); };
  return WaitUntil(std::chrono::seconds(5),
                   [&] { return attached() || ::waitpid(pid_, nullptr, WNOHANG | WNOWAIT) == pid_; }) &&
         attached();
}

void Strace::Stop() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGTERM);
  ::waitpid(std::exchange(pid_, 0), nullptr, 0);
}

std::size_t Strace::Injected() const { return LinesWith(ReadFile(output_), "(INJECTED)").size(); }

std::map<std::string, std::uint64_t> Strace::Counts() const {
  std::map<std::string, std::uint64_t> counts;
  std::istringstream table(ReadFile(output_));
  for (std::string line; std::getline(table, line);) {
    // % time, seconds, usecs/call, calls, errors (may be absent), syscall
    std::istringstream words(line);
    std::string share;
    std::string seconds;
    std::string each;
    std::string name;
    std::uint64_t calls = 0;
    if (!(words >> share >> seconds >> each >> calls) ||
        std::isdigit(static_cast<unsigned char>(share[0])) == 0)
      continue;
    while (words >> name) {
    }
    if (name != "total") counts[name] = calls;
  }
  return counts;
}

}  // namespace preforkd::testing
