// The secrets of TLS sessions: those of parked clients are in the master, and in no core of it and no child;
// those of others are in the worker that serves them, and in no other process.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>

#include "tests/process/secrets/key_secrets.h"
#include "tests/process/secrets/tls_server.h"

namespace preforkd::testing {
namespace {

constexpr int kParked = 1000;

bool IsOfHandshake(const Secret& secret) { return secret.name.find("HANDSHAKE") != std::string::npos; }

struct AllSecrets {
  Secrets traffic;    // what the record layer goes on with
  Secrets handshake;  // what only a gate has had, and the master secrets of TLS 1.2
};

AllSecrets SecretsOf(const std::vector<TlsClient>& clients) {
  AllSecrets all;
  for (std::size_t i = 0; i < clients.size(); ++i) {
    for (Secret& secret : TrafficSecrets(clients[i], fmt::format("client {}", i))) {
      const bool passed = IsOfHandshake(secret) || secret.name.ends_with("master secret");
      (passed ? all.handshake : all.traffic).push_back(std::move(secret));
    }
  }
  return all;
}

void CheckNone(const MemorySearch& search, pid_t pid, const char* whose) {
  CAPTURE(std::string(whose));
  const std::vector<Finding> findings = search.In(pid);
  INFO(search.Text(findings));
  CHECK(MemorySearch::Count(findings) == 0);
  const std::vector<Finding> in_files = search.InFilesOf(pid);
  INFO(search.Text(in_files));
  CHECK(MemorySearch::Count(in_files) == 0);
}

// The master has them all, in memory that is not dumped and not copied; nobody else has any.
void CheckOnlyInMaster(const TlsServer& server, const AllSecrets& all) {
  const MemorySearch traffic(all.traffic);
  const MemorySearch handshake(all.handshake);
  const pid_t master = server.Daemon().MasterPid();
  const std::vector<Finding> in_master = traffic.In(master);
  CHECK(MemorySearch::Count(in_master) == all.traffic.size());
  std::vector<Finding> wrong;
  for (const Finding& finding : in_master)
    if (!finding.not_in_core || !finding.not_in_child) wrong.push_back(finding);
  INFO(traffic.Text(wrong));
  CHECK(wrong.empty());
  CheckNone(handshake, master, "the master's");
  CHECK(traffic.InFilesOf(master).empty());  // the file of an upgrade is gone
  for (const char* pool : {kMainPool, kGatePool}) {
    for (const pid_t pid : server.Pids(pool)) {
      CheckNone(traffic, pid, pool);
      CheckNone(handshake, pid, pool);
    }
  }
}

void CheckNowhere(const TlsServer& server, const Secrets& secrets) {
  const MemorySearch search(secrets);
  CheckNone(search, server.Daemon().MasterPid(), "the master's");
  for (const char* pool : {kMainPool, kGatePool})
    for (const pid_t pid : server.Pids(pool)) CheckNone(search, pid, pool);
}

std::size_t CountIn(const Secrets& secrets, pid_t pid) {
  return MemorySearch::Count(MemorySearch(secrets).In(pid));
}

}  // namespace

TEST_CASE("1,000 parked clients: their secrets are in the master only, also for workers forked meanwhile") {
  if (!CanReadMemory()) return;
  TlsServer server("50ms");
  server.Serve();
  std::vector<TlsClient> clients = ConnectMany(server.Web(), kParked);
  REQUIRE(Answered(clients) == kParked);
  REQUIRE(server.Daemon().AwaitAllParked());
  const AllSecrets all = SecretsOf(clients);
  REQUIRE(all.traffic.size() > 4 * kParked);
  REQUIRE(all.handshake.size() > 3 * kParked);
  CheckOnlyInMaster(server, all);
  for (const char* pool : {kMainPool, kGatePool}) (void)server.Replace(server.Pids(pool).front(), pool);
  CheckOnlyInMaster(server, all);
  server.Upgrade(kPreforkdNext);
  CheckOnlyInMaster(server, all);
  CHECK(Answered(clients) == kParked);
  REQUIRE(server.Daemon().AwaitAllParked());
  CheckOnlyInMaster(server, all);
  clients.clear();
  const MemorySearch traffic(all.traffic);
  CHECK(WaitUntil(kTimeout, [&] { return traffic.In(server.Daemon().MasterPid()).empty(); }));
  CheckNowhere(server, all.traffic);
}

TEST_CASE("a worker has the secrets of its own clients only, and none of those that have left or ended") {
  if (!CanReadMemory()) return;
  TlsServer server("1h");
  server.Serve();
  std::vector<TlsClient> clients = ConnectMany(server.Web(), 60);
  REQUIRE(Answered(clients) == 60);
  const AllSecrets all = SecretsOf(clients);
  const std::vector<pid_t> workers = server.Pids(kMainPool);
  CHECK(CountIn(all.traffic, workers.at(0)) + CountIn(all.traffic, workers.at(1)) == all.traffic.size());
  const MemorySearch search(all.traffic);
  for (const pid_t worker : workers) {
    const std::vector<Finding> in_worker = search.In(worker);
    std::vector<Finding> wrong;
    for (const Finding& finding : in_worker)
      if (!finding.not_in_core) wrong.push_back(finding);
    INFO(search.Text(wrong));
    CHECK(wrong.empty());
  }
  CheckNone(search, server.Daemon().MasterPid(), "the master's");
  for (const pid_t gate : server.Pids(kGatePool)) CheckNone(search, gate, "a gate's");
  for (const pid_t worker : workers) CheckNone(MemorySearch(all.handshake), worker, "a worker's");
  SUBCASE("ended") {
    clients.clear();
    CHECK(WaitUntil(kTimeout, [&] { return CountIn(all.traffic, workers.at(0)) == 0; }));
    CheckNowhere(server, all.traffic);
  }
  SUBCASE("keys were changed") {
    Secrets before;
    Secrets after;
    for (TlsClient& client : clients) {
      if (client.Version() != "TLSv1.3") continue;
      for (int i = 0; i < 2; ++i) {
        REQUIRE(client.UpdateKeys());
        REQUIRE(client.Get("/"));
      }
      for (const int updates : {0, 1}) {
        const Secrets old = UpdatedSecrets(client, "a client's", updates);
        before.insert(before.end(), old.begin(), old.end());
      }
      const Secrets now = UpdatedSecrets(client, "a client's", 2);
      after.insert(after.end(), now.begin(), now.end());
    }
    REQUIRE(after.size() == 30 * 6);
    CHECK(CountIn(after, workers.at(0)) + CountIn(after, workers.at(1)) == after.size());
    CheckNowhere(server, before);
  }
}

}  // namespace preforkd::testing
