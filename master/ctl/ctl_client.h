// CtlClient: preforkctl's connection to the server's control socket. Blocking, with a limit.
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
  // Error: EACCES and EPERM: not allowed; anything else: no server answers there.
  static Result<CtlClient> Connect(const std::string& path);

  // `patience`: for each part of the answer; nullopt: as long as the server lives. Error: no answer, no whole
  // one, or nonsense. After an error the connection is of no use any more.
  Result<ControlReply> Ask(const ControlRequest& request, std::optional<Duration> timeout);

 private:
  explicit CtlClient(UniqueFd fd) : fd_(std::move(fd)) {}
  Status Send(const std::string& line);
  Result<std::string> ReadLine();

  UniqueFd fd_;
};

}  // namespace preforkd

#endif
