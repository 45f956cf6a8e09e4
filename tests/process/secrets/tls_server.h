// TlsServer: preforkd with TLS for the tests of secrets: two workers, two gates, one certificate with an EC
// key and one with an RSA key.
#ifndef PREFORKD_TESTS_PROCESS_SECRETS_TLS_SERVER_H_
#define PREFORKD_TESTS_PROCESS_SECRETS_TLS_SERVER_H_

#include <string>
#include <vector>

#include "tests/process/secrets/memory_search.h"
#include "tests/support/daemon_process.h"
#include "tests/support/program_shelf.h"
#include "tests/support/tls_client.h"

namespace preforkd::testing {

// False, with a message: the test cannot look into other processes here.
bool CanReadMemory();

inline constexpr const char* kMainPool = "main";
inline constexpr const char* kGatePool = "gates";
inline constexpr const char* kEcName = "ec.example";
inline constexpr const char* kRsaName = "rsa.example";

class TlsServer {
 public:
  // `more`: settings of the top level and of sections. Does not start it.
  explicit TlsServer(const std::string& parking_after, const ConfigText& more = {});

  void Serve() { daemon_.Serve(4); }
  DaemonProcess& Daemon() { return daemon_; }
  [[nodiscard]] const DaemonProcess& Daemon() const { return daemon_; }
  [[nodiscard]] std::string Web() const { return daemon_.Address(0); }
  // New keys and certificates, in the same files.
  void RenewKeys() const;
  [[nodiscard]] Secrets PrivateKeys() const;

  // The processes that are ready, of a pool, by their pids.
  [[nodiscard]] std::vector<pid_t> Pids(const std::string& pool) const;
  // All of them, and nothing else: master, workers, gates.
  [[nodiscard]] bool OnlyOurs() const;
  // kill -9, until another process is ready in its place, which is returned.
  pid_t Replace(pid_t victim, const std::string& pool);
  // Another build of the program takes over.
  void Upgrade(const char* program);

 private:
  ProgramShelf shelf_;
  DaemonProcess daemon_;
};

std::vector<TlsClient> ConnectMany(const std::string& address, int count);

}  // namespace preforkd::testing

#endif
