#include "tests/support/worker_kills.h"

#include <doctest/doctest.h>
#include <fmt/core.h>
#include <signal.h>

#include <cstdint>
#include <vector>

#include "tests/support/wait_until.h"

namespace preforkd::testing {
namespace {

constexpr int kLines = 10;
constexpr std::uint64_t kBetween = 100;  // answers

}  // namespace

void KillSome(const DaemonProcess& daemon, const Askers& clients, int kills, std::size_t workers) {
  for (int i = 0; i < kills; ++i) {
    REQUIRE(clients.AwaitAnswers(kBetween));
    const std::vector<WorkerLife> ready = daemon.ReadyWorkers();
    const WorkerLife victim = ready.at(static_cast<std::size_t>(i) % ready.size());
    REQUIRE(::kill(victim.pid, SIGKILL) == 0);
    REQUIRE(daemon.WaitForEvent(
        fmt::format("worker_exited exit=SIGKILL slot={} inc={}", victim.slot, victim.incarnation)));
    REQUIRE(daemon.AwaitWorkers(workers));
  }
  REQUIRE(clients.AwaitAnswers(kBetween));
}

double LostConnections(const DaemonProcess& daemon) {
  double lost = 0;
  for (const LogEntry& exit : daemon.Events("worker_exited exit=SIGKILL")) lost += exit.Number("lost");
  return lost;
}

std::string PostEntries(int client, int n) {
  std::string body;
  for (int line = 0; line < kLines; ++line) body += fmt::format("{}.{}\n", client, n);
  return fmt::format("POST /entries HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{}", body.size(), body);
}

void CheckBook(const std::map<std::string, int>& entries, const Askers::Outcome& outcome) {
  int halves = 0;
  for (const auto& [text, count] : entries) halves += count == kLines ? 0 : 1;
  CHECK(halves == 0);
  int missing = 0;
  for (const std::string& each : outcome.done) missing += entries.contains(each) ? 0 : 1;
  CHECK(missing == 0);
  std::uint64_t asked = outcome.done.size() + outcome.cut;
  for (const auto& [status, count] : outcome.others) asked += count;
  CHECK(entries.size() <= asked);
}

}  // namespace preforkd::testing
