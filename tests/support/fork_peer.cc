#include "tests/support/fork_peer.h"

#include <fmt/core.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <stdexcept>

#include "tests/support/wait_until.h"

namespace preforkd::testing {
namespace {

int RunBody(const std::function<int()>& body) {
  try {
    return body();
  } catch (...) {  // no exception may unwind into the copy of the test
    return static_cast<int>(PeerExit::kThrew);
  }
}

}  // namespace

std::string PeerResult::Text() const {
  if (code == static_cast<int>(PeerExit::kKilled)) return fmt::format("killed by signal {}", signal);
  if (code == static_cast<int>(PeerExit::kTooLate)) return "did not end in time";
  if (code == static_cast<int>(PeerExit::kThrew)) return "threw an exception";
  return fmt::format("exit status {}", code);
}

PeerResult RunPeer(const std::function<int()>& body, Duration deadline) {
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) throw std::runtime_error("fork");
  if (pid == 0) ::_exit(RunBody(body));
  int status = 0;
  const auto ended = [&] { return ::waitpid(pid, &status, WNOHANG) == pid; };
  if (!WaitUntil(deadline, ended)) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, &status, 0);
    return {static_cast<int>(PeerExit::kTooLate), 0};
  }
  if (WIFSIGNALED(status)) return {static_cast<int>(PeerExit::kKilled), WTERMSIG(status)};
  return {WEXITSTATUS(status), 0};
}

}  // namespace preforkd::testing
