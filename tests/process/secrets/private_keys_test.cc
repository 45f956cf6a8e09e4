// Private keys and the key of tickets: in the memory of gates, and of no other process, whatever happens.
#include <dirent.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "common/gate/ticket_page.h"
#include "tests/process/secrets/tls_server.h"

namespace preforkd::testing {
namespace {

void CheckNotIn(const MemorySearch& search, pid_t pid, const char* whose) {
  CAPTURE(std::string(whose));
  const std::vector<Finding> findings = search.In(pid);
  INFO(search.Text(findings));
  CHECK(findings.empty());
  const std::vector<Finding> in_files = search.InFilesOf(pid);
  INFO(search.Text(in_files));
  CHECK(in_files.empty());
}

void UseKeys(const TlsServer& server) {
  for (const char* name : {kEcName, kRsaName}) {
    for (int i = 0; i < 4; ++i) {
      TlsClient client(server.Web(), {.server_name = name});
      REQUIRE(client.Get("/"));
    }
  }
}

// Each number of both keys, in one form at least.
void CheckOnlyInGates(const TlsServer& server, const Secrets& keys) {
  UseKeys(server);
  REQUIRE(WaitUntil(kTimeout, [&] { return server.OnlyOurs(); }));
  const MemorySearch search(keys);
  for (const pid_t gate : server.Pids(kGatePool))
    CHECK(MemorySearch::Count(search.In(gate)) >= keys.size() / 3);  // or the search finds nothing at all
  for (const pid_t worker : server.Pids(kMainPool)) CheckNotIn(search, worker, "a worker's");
  // The master has the files open, so only its memory.
  const std::vector<Finding> in_master = search.In(server.Daemon().MasterPid());
  INFO(search.Text(in_master));
  CHECK(in_master.empty());
}

// No process of the server has what was a key of it.
void CheckGone(const TlsServer& server, const Secrets& keys) {
  const MemorySearch search(keys);
  CheckNotIn(search, server.Daemon().MasterPid(), "the master's");
  for (const char* pool : {kMainPool, kGatePool})
    for (const pid_t pid : server.Pids(pool)) CheckNotIn(search, pid, pool);
}

// As the master has it.
Secrets TicketKey(pid_t master) {
  for (int fd = 0; fd < 1024; ++fd) {
    const std::string path = fmt::format("/proc/{}/fd/{}", master, fd);
    std::array<char, 64> target{};
    if (::readlink(path.c_str(), target.data(), target.size() - 1) <= 0) continue;
    if (std::string_view(target.data()).find("preforkd-tickets") == std::string_view::npos) continue;
    Result<TicketPage> page =
        TicketPage::MapForGate(UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)).Get());
    REQUIRE(page.Ok());
    const SecretBytes key = page.Value().Read();
    REQUIRE(key.size() == kTicketKeyBytes);
    return {{"the ticket key", {key.begin(), key.end()}}};
  }
  return {};
}

}  // namespace

TEST_CASE("a private key is in gates only: at start, renewed by a reload, after a kill and an upgrade") {
  if (!CanReadMemory()) return;
  TlsServer server("50ms");
  server.Serve();
  const Secrets first = server.PrivateKeys();
  REQUIRE(first.size() == 3 * (1 + 6));
  CheckOnlyInGates(server, first);
  SUBCASE("renewed") {
    server.RenewKeys();
    REQUIRE(server.Daemon().Reload());
    const Secrets second = server.PrivateKeys();
    REQUIRE(second[1].bytes != first[1].bytes);
    CheckOnlyInGates(server, second);
    CheckGone(server, first);
  }
  SUBCASE("a gate is killed, and a worker") {
    (void)server.Replace(server.Pids(kGatePool).front(), kGatePool);
    (void)server.Replace(server.Pids(kMainPool).front(), kMainPool);
    CheckOnlyInGates(server, first);
  }
  SUBCASE("an upgrade in place") {
    server.Upgrade(kPreforkdNext);
    CheckOnlyInGates(server, first);
  }
}

TEST_CASE("the key of tickets is in no worker; the master's is in no core and in no child") {
  if (!CanReadMemory()) return;
  TlsServer server("50ms");
  server.Serve();
  const Secrets key = TicketKey(server.Daemon().MasterPid());
  REQUIRE(key.size() == 1);
  const auto check = [&] {
    UseKeys(server);
    const MemorySearch search(key);
    for (const pid_t gate : server.Pids(kGatePool)) {
      const std::vector<Finding> in_gate = search.In(gate);
      CHECK(MemorySearch::Count(in_gate) == 1);
      CHECK(search.InFilesOf(gate).empty());  // it has its pages, which it may only read
    }
    for (const pid_t worker : server.Pids(kMainPool)) CheckNotIn(search, worker, "a worker's");
    const std::vector<Finding> in_master = search.In(server.Daemon().MasterPid());
    CHECK_FALSE(in_master.empty());
    INFO(search.Text(in_master));
    CHECK(std::all_of(in_master.begin(), in_master.end(),
                      [](const Finding& finding) { return finding.not_in_core && finding.not_in_child; }));
  };
  check();
  (void)server.Replace(server.Pids(kMainPool).front(), kMainPool);
  check();
  server.Upgrade(kPreforkdNext);
  REQUIRE(TicketKey(server.Daemon().MasterPid()).at(0).bytes == key.at(0).bytes);
  check();
}

}  // namespace preforkd::testing
