// JudgedServer: the real program with TLS listeners, for programs that nobody here wrote to talk with; and
// what a test needs to start those.
#ifndef PREFORKD_TESTS_JUDGES_JUDGED_SERVER_H_
#define PREFORKD_TESTS_JUDGES_JUDGED_SERVER_H_

#include <string>
#include <vector>

#include "tests/support/command.h"
#include "tests/support/daemon_process.h"
#include "tests/support/test_keys.h"

namespace preforkd::testing {

// The path of a judge. Empty if its package is not installed: the test is skipped, with a message; in CI it
// fails.
std::string Judge(const std::string& program, const std::string& package);

struct JudgedOptions {
  std::string binary = kPreforkd;
  std::string root{};                          // the folder of the web service
  std::string client_certificates{};           // as in the configuration; empty: off
  std::vector<std::string> certificates = {};  // besides "site"
  std::string staple{};                        // a file: the OCSP response for "site"
};

// Two workers, two gates. An authority "authority" has signed the certificate "site", for localhost.
class JudgedServer {
 public:
  explicit JudgedServer(const TestKeys& keys, const JudgedOptions& options = {});

  [[nodiscard]] DaemonProcess& Daemon() { return daemon_; }
  [[nodiscard]] std::string Web() const { return daemon_.Address(0); }    // TLS, http
  [[nodiscard]] std::string Lines() const { return daemon_.Address(1); }  // TLS, echo
  [[nodiscard]] std::string Status() const { return daemon_.Address(2); }
  [[nodiscard]] std::string WebPort() const { return PortOf(Web()); }
  [[nodiscard]] std::string LinesPort() const { return PortOf(Lines()); }
  // https://localhost:PORT and the target.
  [[nodiscard]] std::string Url(const std::string& target) const;
  // The lines of the access log, JSON; waits for so many.
  [[nodiscard]] std::vector<std::string> AccessLines(std::size_t count) const;

  // All processes of the pool are killed and replaced: "main" or "gates".
  void Kill(const std::string& pool);

  static std::string PortOf(const std::string& address);

 private:
  DaemonProcess daemon_;
};

// A judge that stays, at a terminal, and asks for pages.
class SeatedJudge {
 public:
  explicit SeatedJudge(const std::vector<std::string>& words) : client_(words) {}

  // Fails the test if it does not, with all that the judge has said.
  [[nodiscard]] bool Shows(const std::string& text);
  // A page whose text ends with "the end". Only for one that ends its lines with CR LF.
  [[nodiscard]] bool Gets(const std::string& target);

 protected:
  TerminalCommand client_;
};

// The authority and the certificate that JudgedServer takes.
void MakeSite(const TestKeys& keys);

}  // namespace preforkd::testing

#endif
