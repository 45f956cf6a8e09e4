#include "tests/fleet/machines.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>

#include "tests/support/command.h"

namespace preforkd::testing {
namespace {

constexpr const char* kIp = "/usr/sbin/ip";
constexpr const char* kBridge = "fleet";

bool Leave() {
  return ::unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 &&
         ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("run", "/run", "tmpfs", 0, "mode=755") == 0;
}

// A child tries it first: a failure half way would leave this process changed.
bool CanLeave() {
  if (::access(kIp, X_OK) != 0) return false;
  const pid_t child = ::fork();
  if (child == 0) ::_exit(Leave() ? 0 : 1);
  int status = -1;
  return ::waitpid(child, &status, 0) == child && status == 0;
}

void Ip(std::vector<std::string> words) {
  const std::string shown = fmt::format("ip {}", fmt::join(words, " "));
  words.insert(words.begin(), kIp);
  const CommandResult result = RunCommand(words);
  if (result.code != 0) throw std::runtime_error(shown + ": " + result.err);
}

std::string NameOf(int number) { return fmt::format("node{}", number); }

}  // namespace

bool Machines::Enter() {
  static const bool entered = [] {
    if (::geteuid() != 0 || !CanLeave() || !Leave()) return false;
    Ip({"link", "set", "lo", "up"});
    Ip({"link", "add", kBridge, "type", "bridge"});
    Ip({"address", "add", "192.0.2.1/24", "dev", kBridge});
    Ip({"link", "set", kBridge, "up"});
    return true;
  }();
  return entered;
}

void Machines::Add(int number) {
  const std::string name = NameOf(number);
  Ip({"netns", "add", name});
  Ip({"link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name});
  Ip({"link", "set", name, "master", kBridge, "up"});
  Ip({"-n", name, "link", "set", "lo", "up"});
  Ip({"-n", name, "address", "add", AddressOf(number) + "/24", "dev", "eth0"});
  Ip({"-n", name, "link", "set", "eth0", "up"});
}

std::string Machines::AddressOf(int number) { return fmt::format("192.0.2.{}", 10 + number); }

std::vector<std::string> Machines::LauncherFor(int number) { return {kIp, "netns", "exec", NameOf(number)}; }

}  // namespace preforkd::testing
