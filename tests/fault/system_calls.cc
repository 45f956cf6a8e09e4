#include "tests/fault/system_calls.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <map>

#include "common/base/sys_error.h"
#include "common/base/unique_fd.h"

namespace preforkd::testing {
namespace {

std::string Outcome(long result) { return result >= 0 ? "ok" : ErrnoName(errno); }

// The result of a call that returns a descriptor.
std::string Opened(int fd) {
  const std::string outcome = Outcome(fd);
  const UniqueFd owned(fd);
  return outcome;
}

std::string Connect(const std::string& path) {
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.Valid()) return Outcome(-1);
  sockaddr_un address{AF_UNIX, {}};
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  return Outcome(::connect(fd.Get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)));
}

std::string Ask(const std::string& path) {
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{AF_UNIX, {}};
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  if (::connect(fd.Get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) < 0)
    return Outcome(-1);
  constexpr std::string_view kStop = "{\"command\":\"stop\"}\n";
  (void)::send(fd.Get(), kStop.data(), kStop.size(),
               MSG_NOSIGNAL);  // the client may have been refused already
  std::string answer(256, '\0');
  const ssize_t size = ::recv(fd.Get(), answer.data(), answer.size(), 0);
  answer.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  constexpr std::string_view kDenied = "permission denied";
  return answer.find(kDenied) != std::string::npos ? std::string(kDenied) : "answered: " + answer;
}

std::string AskInChild(const std::string& path) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) < 0) return Outcome(-1);
  const UniqueFd from(ends[0]);
  UniqueFd to(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string answer = Ask(path);
    ::_exit(::write(to.Get(), answer.data(), answer.size()) > 0 ? EXIT_SUCCESS : EXIT_FAILURE);
  }
  if (child < 0) return Outcome(child);
  to.Reset();
  std::string answer(256, '\0');
  const ssize_t size = ::read(from.Get(), answer.data(), answer.size());
  answer.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  return ::waitpid(child, nullptr, 0) < 0 ? Outcome(-1) : answer;
}

std::string Thread(const std::string&) {
  pthread_t thread{};
  const int error = ::pthread_create(
      &thread, nullptr, [](void* nothing) { return nothing; }, nullptr);
  if (error == 0) ::pthread_join(thread, nullptr);
  return error == 0 ? "ok" : ErrnoName(error);
}

std::string Fork(bool execute) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (execute) ::execl("/bin/sh", "sh", "-c", "exit 7", nullptr);
    ::_exit(execute ? EXIT_FAILURE : 7);
  }
  if (child < 0) return Outcome(child);
  int status = 0;
  if (::waitpid(child, &status, 0) < 0) return Outcome(-1);
  return WIFEXITED(status) && WEXITSTATUS(status) == 7 ? "ok" : "ended with " + std::to_string(status);
}

std::string Code(const std::string&) {
  constexpr std::size_t kPage = 4096;
  void* page = ::mmap(nullptr, kPage, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return Outcome(-1);
  return Outcome(::munmap(page, kPage));
}

std::string Limits(const std::string& pid) {
  rlimit limit{64, 64};
  return Outcome(::prlimit(std::atoi(pid.c_str()), RLIMIT_NOFILE, &limit, nullptr));
}

using Try = std::function<std::string(const std::string&)>;

const std::map<std::string, Try, std::less<>>& Tries() {
  static const std::map<std::string, Try, std::less<>> tries = {
      {"socket", [](const std::string&) { return Opened(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)); }},
      {"thread", Thread},
      {"fork", [](const std::string&) { return Fork(false); }},
      {"exec", [](const std::string&) { return Fork(true); }},
      {"code", Code},
      {"read", [](const std::string& path) { return Opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC)); }},
      {"write",
       [](const std::string& path) {
         return Opened(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
       }},
      {"connect", Connect},
      {"ask", Ask},
      {"child-ask", AskInChild},
      {"signal", [](const std::string& pid) { return Outcome(::kill(std::atoi(pid.c_str()), SIGTERM)); }},
      {"trace",
       [](const std::string& pid) { return Outcome(::ptrace(PTRACE_ATTACH, std::atoi(pid.c_str()), 0, 0)); }},
      {"limits", Limits},
      {"block", [](const std::string&) { return Outcome(::fcntl(STDERR_FILENO, F_SETFL, 0)); }},
  };
  return tries;
}

}  // namespace

std::string TryRow(const WorkerRow& row) {
  return Outcome(::mprotect(const_cast<WorkerRow*>(&row), sizeof(row), PROT_READ | PROT_WRITE));
}

std::string TrySystemCall(std::string_view what) {
  const std::size_t space = std::min(what.find(' '), what.size());
  const auto found = Tries().find(what.substr(0, space));
  if (found == Tries().end()) return "what?";
  return found->second(std::string(what.substr(std::min(space + 1, what.size()))));
}

}  // namespace preforkd::testing
