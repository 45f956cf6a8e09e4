// CtlClient: preforkctl's connection to the control socket. Blocking, with timeouts.
#ifndef PREFORKD_MASTER_CTL_CTL_CLIENT_H_
#define PREFORKD_MASTER_CTL_CTL_CLIENT_H_

#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/control/control_message.h"

namespace preforkd {

class CtlClient {
 public:
  // Error: EACCES or EPERM: not permitted; any other: no server answers at `path`.
  static Result<CtlClient> Connect(const std::string& path);

  // Sends a request and waits for the reply. `timeout`: maximum wait for each part of the reply, in whole
  // seconds; nullopt: as long as the server runs. Error: no reply, an incomplete one or an invalid one; the
  // connection cannot be used after an error.
  Result<ControlReply> Ask(const ControlRequest& request, std::optional<Duration> timeout);

 private:
  explicit CtlClient(UniqueFd fd) : fd_(std::move(fd)) {}
  Status Send(const std::string& line);
  Result<std::string> ReadLine();

  UniqueFd fd_;
};

}  // namespace preforkd

#endif
