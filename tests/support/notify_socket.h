// NotifySocket: receives what a program sends to $NOTIFY_SOCKET, like a service manager.
#ifndef PREFORKD_TESTS_SUPPORT_NOTIFY_SOCKET_H_
#define PREFORKD_TESTS_SUPPORT_NOTIFY_SOCKET_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "common/base/unique_fd.h"
#include "tests/support/temp_directory.h"

namespace preforkd::testing {

struct Notice {
  pid_t sender = 0;  // from the kernel (SCM_CREDENTIALS)
  std::string text;
  // The value of a line "NAME=value"; nullopt if there is no such line.
  [[nodiscard]] std::optional<std::string> Value(const std::string& name) const;
};

class NotifySocket {
 public:
  // Throws std::runtime_error. `abstract`: not a file.
  explicit NotifySocket(bool abstract = false);

  // The value of the variable.
  [[nodiscard]] const std::string& Name() const { return name_; }
  // The next datagram, if it comes in time.
  std::optional<Notice> Next();
  // All datagrams that are there now; does not wait.
  std::vector<Notice> Waiting();

 private:
  std::optional<Notice> Receive();

  TempDirectory folder_;
  std::string name_;
  UniqueFd fd_;
};

}  // namespace preforkd::testing

#endif
