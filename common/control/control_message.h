// What preforkctl and the master say to each other on the control socket: one JSON object a line each way,
// `{"command":"scale","workers":4,"pool":"app"}` and `{"ok":true,"message":"..."}`. Pure: no socket here.
//
// The protocol is for other programs too, so it is strict where it reads (an unknown key is an error, not a
// wish that is silently not granted) and stable where it writes.
#ifndef PREFORKD_COMMON_CONTROL_CONTROL_MESSAGE_H_
#define PREFORKD_COMMON_CONTROL_CONTROL_MESSAGE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace preforkd {

// Bytes of one request, without its end of line.
inline constexpr std::size_t kMaxControlRequest = 4096;

enum class ControlCommand : std::uint8_t {
  kStatus,   // answers with the status document
  kMetrics,  // answers with text
  kConfig,   // answers with text
  kReload,
  kUpgrade,
  kStop,
  kScale,       // number: workers; pool
  kRetire,      // number: slot
  kReopenLogs,  // answered when all workers have, or have not in time
};

struct ControlRequest {
  ControlCommand command = ControlCommand::kStatus;
  bool wait = false;         // reload, upgrade: answer when it has been done or refused
  std::uint32_t number = 0;  // scale, retire
  std::string pool = {};     // scale; empty: main

  bool operator==(const ControlRequest&) const = default;
};

// The name of a command on the wire and on preforkctl's command line.
const char* ControlCommandName(ControlCommand command);

// Without its end of line. The error is for whoever wrote the request.
Result<ControlRequest> ParseControlRequest(std::string_view line);
// With its end of line.
std::string RenderControlRequest(const ControlRequest& request);

struct ControlReply {
  bool ok = true;
  std::string message;                // what was done, or why not; for a person
  std::vector<std::string> problems;  // of a configuration that was refused: FILE:LINE:COL: what
  std::string result;                 // JSON, one line; empty: none. Of status, metrics, config.

  bool operator==(const ControlReply&) const = default;
};

ControlReply Refusal(std::string message);
// A reply that carries text.
ControlReply TextReply(std::string_view text);
// The text in a reply that carries some; the empty string otherwise.
std::string TextOf(const ControlReply& reply);

// Without its end of line.
Result<ControlReply> ParseControlReply(std::string_view line);
// With its end of line. Always valid UTF-8.
std::string RenderControlReply(const ControlReply& reply);

}  // namespace preforkd

#endif
