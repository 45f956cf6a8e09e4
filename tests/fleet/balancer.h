// Balancer: Debian's HAProxy with the configuration that is shipped, and what it says of its servers.
//
// Owns the process. Runs where the test runs, and takes /run/haproxy of that place: in Machines only.
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

  // Waits until HAProxy calls that server UP, or DOWN.
  [[nodiscard]] bool Sees(const std::string& server, const std::string& status) const;
  // As `set server nodes/NAME state STATE`.
  void Set(const std::string& server, const std::string& state) const;
  // A number of `show stat` for that server, such as "scur", sessions now, or "stot", sessions so far.
  [[nodiscard]] unsigned long Number(const std::string& server, const std::string& column) const;
  // Connections and requests that were tried again, with the same server or with another.
  [[nodiscard]] unsigned long Retries() const;

 private:
  // A line of `show stat` by the names of its columns, for each server.
  [[nodiscard]] std::map<std::string, std::map<std::string, std::string>> Servers() const;
  [[nodiscard]] static std::string Command(const std::string& line);
  void End();

  pid_t pid_ = 0;
};

}  // namespace preforkd::testing

#endif
