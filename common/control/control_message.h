// The messages between preforkctl and the master on the control socket: one JSON object a line each way,
// `{"command":"scale","workers":4,"pool":"app"}` and `{"ok":true,"message":"..."}`. Pure: no socket here.
//
// Other programs may use the protocol too. It is strict when it reads (an unknown key is an error, not
// silently ignored) and stable in what it writes.
#ifndef PREFORKD_COMMON_CONTROL_CONTROL_MESSAGE_H_
#define PREFORKD_COMMON_CONTROL_CONTROL_MESSAGE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/about/about.h"
#include "common/base/result.h"

namespace preforkd {

// Maximum bytes of one request, without its line end.
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
  kReopenLogs,  // answered when all workers have reopened their logs, or when the time is up
};

struct ControlRequest {
  ControlCommand command = ControlCommand::kStatus;
  bool wait = false;         // reload, upgrade: answer when it is done or refused
  std::uint32_t number = 0;  // scale, retire
  std::string pool = {};     // scale; empty: main

  bool operator==(const ControlRequest&) const = default;
};

// The name of a command on the wire and on preforkctl's command line.
const char* ControlCommandName(ControlCommand command);

// `line` is without its line end. The error text is for the author of the request.
Result<ControlRequest> ParseControlRequest(std::string_view line);
// With a line end.
std::string RenderControlRequest(const ControlRequest& request);

struct ControlReply {
  bool ok = true;
  std::string message;                // for a person: what was done, or why not
  std::vector<std::string> problems;  // of a refused configuration: FILE:LINE:COL: what is wrong
  std::string result;                 // of status, metrics, config: JSON in one line; empty: none

  bool operator==(const ControlReply&) const = default;
};

ControlReply Refusal(std::string message);
// A reply that carries text.
ControlReply TextReply(std::string_view text);
// The text that TextReply put in; empty if the reply carries none.
std::string TextOf(const ControlReply& reply);

// `line` is without its line end.
Result<ControlReply> ParseControlReply(std::string_view line);
// With a line end. Always valid UTF-8.
std::string RenderControlReply(const ControlReply& reply);

// Of what reads and writes these messages.
LibraryVersion JsonLibrary();

}  // namespace preforkd

#endif
