#include "tests/process/secrets/tls_server.h"

#include <doctest/doctest.h>
#include <fmt/core.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/process/secrets/key_secrets.h"
#include "tests/support/proc_status.h"

namespace preforkd::testing {
namespace {

using Json = nlohmann::json;

// ConfigText does not write arrays of tables.
std::string CertificateSection(const DaemonProcess& daemon, const std::string& name) {
  return fmt::format("\n[[tls.certificate]]\nchain = \"{}\"\nkey = \"{}\"\n", daemon.Path(name + ".crt"),
                     daemon.Path(name + ".key"));
}

}  // namespace

bool CanReadMemory() {
  const bool can = ::geteuid() == 0;
  if (!can) MESSAGE("skipped: only root may look into processes that are not dumpable");
  return can;
}

TlsServer::TlsServer(const std::string& parking_after, const ConfigText& more)
    : shelf_(kPreforkd), daemon_(shelf_.Path()) {
  // Also for a server that runs as another user.
  std::filesystem::permissions(std::filesystem::path(shelf_.Path()).parent_path(),
                               std::filesystem::perms(0755));
  RenewKeys();
  ConfigText config = more;
  config.Workers(2)
      .Set("parking.after", parking_after)
      .Listen("web", "127.0.0.1:0", {{"tls", true}})
      // A thousand clients connect before the first of them asks, and memory is searched between requests.
      .Service("web", "http", {{"header_timeout", "10m"}, {"keepalive_timeout", "10m"}})
      .Pool(kGatePool, {{"kind", "tls"}, {"workers", 2}, {"workers_max", 2}});
  daemon_.WriteConfig(config.Text() + CertificateSection(daemon_, "ec") + CertificateSection(daemon_, "rsa"));
}

void TlsServer::RenewKeys() const {
  MakeTestCertificate(daemon_.Path(""), "ec", kEcName);
  MakeTestCertificate(daemon_.Path(""), "rsa", kRsaName, 90, TestKey::kRsa);
}

Secrets TlsServer::PrivateKeys() const {
  Secrets secrets = PrivateKeySecrets(daemon_.Path("ec.key"));
  Secrets more = PrivateKeySecrets(daemon_.Path("rsa.key"));
  secrets.insert(secrets.end(), more.begin(), more.end());
  return secrets;
}

std::vector<pid_t> TlsServer::Pids(const std::string& pool) const {
  const CommandResult status = Ctl(daemon_, {"--json", "workers"});
  REQUIRE(status.code == 0);
  std::vector<pid_t> pids;
  for (const Json& worker : Json::parse(status.out))
    if (worker["pool"] == pool && worker["state"] == "ready") pids.push_back(worker["pid"].get<pid_t>());
  return pids;
}

bool TlsServer::OnlyOurs() const {
  std::vector<pid_t> ours = Pids(kMainPool);
  const std::vector<pid_t> gates = Pids(kGatePool);
  ours.insert(ours.end(), gates.begin(), gates.end());
  std::sort(ours.begin(), ours.end());
  return ours.size() == 4 && ChildrenOf(daemon_.MasterPid()) == ours;
}

pid_t TlsServer::Replace(pid_t victim, const std::string& pool) {
  const std::vector<pid_t> before = Pids(pool);
  daemon_.ExpectEvent("worker_exited exit=SIGKILL pool=" + pool);
  REQUIRE(::kill(victim, SIGKILL) == 0);
  pid_t successor = 0;
  REQUIRE(WaitUntil(kTimeout, [&] {
    const std::vector<pid_t> now = Pids(pool);
    for (const pid_t pid : now)
      if (std::find(before.begin(), before.end(), pid) == before.end()) successor = pid;
    return now.size() == before.size() && successor != 0;
  }));
  return successor;
}

void TlsServer::Upgrade(const char* program) {
  shelf_.Put(program);
  const CommandResult result = Ctl(daemon_, {"upgrade", "--wait"});
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  REQUIRE(WaitUntil(kTimeout, [&] { return OnlyOurs(); }));
}

std::vector<TlsClient> ConnectMany(const std::string& address, int count) {
  const std::vector<TlsOptions> kinds = {
      {.suite = "TLS_AES_128_GCM_SHA256"},
      {.suite = "TLS_AES_256_GCM_SHA384"},
      {.suite = "TLS_CHACHA20_POLY1305_SHA256"},
      {.max_version = TLS1_2_VERSION, .suite = "ECDHE-ECDSA-AES128-GCM-SHA256"},
      {.max_version = TLS1_2_VERSION, .suite = "ECDHE-ECDSA-AES256-GCM-SHA384"},
      {.max_version = TLS1_2_VERSION, .suite = "ECDHE-ECDSA-CHACHA20-POLY1305"},
  };
  std::vector<TlsClient> clients;
  for (int i = 0; i < count; ++i) {
    TlsOptions options = kinds[static_cast<std::size_t>(i) % kinds.size()];
    options.server_name = kEcName;
    clients.emplace_back(address, options);
  }
  return clients;
}

}  // namespace preforkd::testing
