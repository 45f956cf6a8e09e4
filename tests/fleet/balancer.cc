#include "tests/fleet/balancer.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "tests/support/daemon_process.h"
#include "tests/support/tcp_client.h"
#include "tests/support/wait_until.h"

namespace preforkd::testing {
namespace {

constexpr const char* kProgram = "/usr/sbin/haproxy";
constexpr const char* kAdminSocket = "unix:/run/haproxy/admin.sock";

std::vector<std::string> Columns(const std::string& line) {
  std::vector<std::string> columns;
  std::istringstream stream(line);
  for (std::string column; std::getline(stream, column, ',');) columns.push_back(column);
  return columns;
}

}  // namespace

bool Balancer::IsInstalled() { return ::access(kProgram, X_OK) == 0; }

Balancer::Balancer(const std::string& config) {
  (void)::mkdir("/run/haproxy", 0755);  // there already, the second time
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork");
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::closefrom(3);
    ::execl(kProgram, kProgram, "-db", "-q", "-f", config.c_str(), nullptr);
    ::_exit(127);
  }
  DaemonProcess::TolerateChild(pid_);
  if (WaitUntil(kTimeout, [] { return !Command("show info").empty(); })) return;
  End();
  throw std::runtime_error("HAProxy does not answer");
}

Balancer::~Balancer() { End(); }

void Balancer::End() {
  ::kill(pid_, SIGKILL);
  (void)::waitpid(pid_, nullptr, 0);
}

std::string Balancer::Command(const std::string& line) {
  Result<TcpClient> client = TcpClient::Connect(kAdminSocket);
  if (!client.Ok() || !client.Value().SendAll(line + "\n")) return {};
  return client.Value().ReadToEnd().value_or("");
}

std::map<std::string, std::map<std::string, std::string>> Balancer::Servers() const {
  constexpr int kServersOnly = 4;
  std::istringstream lines(Command(fmt::format("show stat nodes {} -1", kServersOnly)));
  std::string line;
  std::getline(lines, line);
  const std::vector<std::string> names = Columns(line);
  std::map<std::string, std::map<std::string, std::string>> servers;
  while (std::getline(lines, line)) {
    const std::vector<std::string> values = Columns(line);
    std::map<std::string, std::string> server;
    for (std::size_t i = 0; i < std::min(names.size(), values.size()); ++i) server[names[i]] = values[i];
    if (const auto name = server.find("svname"); name != server.end()) servers[name->second] = server;
  }
  return servers;
}

bool Balancer::Sees(const std::string& server, const std::string& status) const {
  // "UP 1/2": on its way down.
  return WaitUntil(kTimeout, [&] { return Servers()[server]["status"] == status; });
}

void Balancer::Set(const std::string& server, const std::string& state) const {
  const std::string answer = Command(fmt::format("set server nodes/{} state {}", server, state));
  if (answer != "\n") throw std::runtime_error("HAProxy: " + answer);
}

unsigned long Balancer::Number(const std::string& server, const std::string& column) const {
  return std::strtoul(Servers().at(server).at(column).c_str(), nullptr, 10);
}

unsigned long Balancer::Retries() const {
  unsigned long retries = 0;
  for (const auto& [name, server] : Servers()) {
    for (const char* column : {"wretr", "wredis"})
      retries += std::strtoul(server.at(column).c_str(), nullptr, 10);
  }
  return retries;
}

}  // namespace preforkd::testing
