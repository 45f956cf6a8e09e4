#include "tests/support/command.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include "tests/support/temp_directory.h"

namespace preforkd::testing {
namespace {

[[noreturn]] void Execute(const std::vector<std::string>& words) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execv(arguments.front(), arguments.data());
  ::_exit(127);
}

int WaitFor(pid_t pid, Duration timeout) {
  int status = 0;
  if (!WaitUntil(timeout, [&] { return ::waitpid(pid, &status, WNOHANG) == pid; })) {
    ::kill(pid, SIGKILL);
    (void)::waitpid(pid, &status, 0);
    return -1;
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

std::string RunfilePath(const std::string& binary) {
  if (binary.starts_with('/')) return binary;
  const char* sources = std::getenv("TEST_SRCDIR");
  const char* workspace = std::getenv("TEST_WORKSPACE");
  if (sources == nullptr || workspace == nullptr) return "bazel-bin/" + binary;  // started by hand
  return std::string(sources) + "/" + workspace + "/" + binary;
}

CommandResult RunCommand(const std::vector<std::string>& words, Duration timeout) {
  const TempDirectory folder;
  const pid_t pid = ::fork();
  if (pid < 0) throw std::runtime_error("fork");
  if (pid == 0) {
    const int in = ::open("/dev/null", O_RDONLY);
    const int out = ::open(folder.Path("out").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    const int err = ::open(folder.Path("err").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (::dup2(in, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(err, 2) < 0) ::_exit(126);
    ::closefrom(3);
    Execute(words);
  }
  CommandResult result;
  result.code = WaitFor(pid, timeout);
  result.out = ReadFile(folder.Path("out"));
  result.err = ReadFile(folder.Path("err"));
  return result;
}

TerminalCommand::TerminalCommand(const std::vector<std::string>& words) {
  int terminal = -1;
  const winsize size{24, 80, 0, 0};
  pid_ = ::forkpty(&terminal, nullptr, nullptr, &size);
  if (pid_ < 0) throw std::runtime_error("forkpty");
  if (pid_ == 0) Execute(words);
  terminal_ = UniqueFd(terminal);
}

TerminalCommand::~TerminalCommand() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGKILL);
  (void)::waitpid(pid_, nullptr, 0);
}

void TerminalCommand::Type(std::string_view keys) const {
  if (::write(terminal_.Get(), keys.data(), keys.size()) < 0) throw std::runtime_error("write to a terminal");
}

void TerminalCommand::Resize(unsigned short columns, unsigned short rows) const {
  const winsize size{rows, columns, 0, 0};
  if (::ioctl(terminal_.Get(), TIOCSWINSZ, &size) < 0) throw std::runtime_error("TIOCSWINSZ");
}

bool TerminalCommand::Read() {
  pollfd waiting{terminal_.Get(), POLLIN, 0};
  if (::poll(&waiting, 1, 10) <= 0) return true;
  std::array<char, 4096> buffer;
  const ssize_t got = ::read(terminal_.Get(), buffer.data(), buffer.size());
  if (got <= 0) return false;  // EIO: no process has it open any more
  written_.append(buffer.data(), static_cast<std::size_t>(got));
  return true;
}

bool TerminalCommand::Shows(std::string_view text) {
  const Time deadline = Now() + kTimeout;
  for (bool open = true;; open = Read()) {
    const std::size_t found = written_.find(text, seen_);
    if (found != std::string::npos) {
      seen_ = found + text.size();
      return true;
    }
    if (!open || Now() >= deadline) return false;
  }
}

bool TerminalCommand::IsCooked() const {
  termios settings{};
  return ::tcgetattr(terminal_.Get(), &settings) == 0 && (settings.c_lflag & ICANON) != 0 &&
         (settings.c_lflag & ECHO) != 0;
}

int TerminalCommand::Wait() {
  const Time deadline = Now() + kTimeout;
  while (Now() < deadline && Read()) {  // read what it still writes, so that it can end
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) != pid_) continue;
    pid_ = 0;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
  return WaitFor(std::exchange(pid_, 0), kTimeout);
}

}  // namespace preforkd::testing
