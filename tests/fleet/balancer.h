// Balancer: Debian's HAProxy with the shipped configuration, and what it reports of its servers.
//
// Owns the process. Runs in the namespaces of the test and uses their /run/haproxy: only with Machines.
#ifndef PREFORKD_TESTS_FLEET_BALANCER_H_
#define PREFORKD_TESTS_FLEET_BALANCER_H_

#include <sys/types.h>

#include <map>
#include <string>

#include "common/base/clock.h"

namespace preforkd::testing {

class Balancer {
 public:
  static bool IsInstalled();

  // Throws std::runtime_error when it does not answer in time.
  explicit Balancer(const std::string& config);
  Balancer(const Balancer&) = delete;
  Balancer& operator=(const Balancer&) = delete;
  ~Balancer();

  // Waits until HAProxy reports that server as UP, or DOWN.
  [[nodiscard]] bool Sees(const std::string& server, const std::string& status) const;
  // As `set server nodes/NAME state STATE`.
  void Set(const std::string& server, const std::string& state) const;
  // A column of `show stat` for that server, such as "scur" (current sessions) or "stot" (total sessions).
  [[nodiscard]] unsigned long Number(const std::string& server, const std::string& column) const;
  // Connections and requests that were retried, on the same server or another.
  [[nodiscard]] unsigned long Retries() const;

 private:
  // For each server its line of `show stat`, by the names of the columns.
  [[nodiscard]] std::map<std::string, std::map<std::string, std::string>> Servers() const;
  [[nodiscard]] static std::string Command(const std::string& line);
  void End();

  pid_t pid_ = 0;
};

}  // namespace preforkd::testing

#endif
