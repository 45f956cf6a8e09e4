// ExitDiagnosis: what is known about a worker that has exited, taken from its scoreboard row before the row
// is cleared. Also: the log lines about it, and names for the addresses in its crash record.
#ifndef PREFORKD_MASTER_WORKERS_REPORTS_EXIT_DIAGNOSIS_H_
#define PREFORKD_MASTER_WORKERS_REPORTS_EXIT_DIAGNOSIS_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/exit_code.h"
#include "common/base/ids.h"
#include "common/scoreboard/scoreboard.h"
#include "master/policy/fleet/worker_state.h"

namespace preforkd {

struct ExitDiagnosis {
  WorkerId id;
  pid_t pid = 0;
  std::string pool;  // name
  ExitReport exit;
  WorkerState was{};  // state before the exit
  Duration uptime{0};
  std::optional<std::uint64_t> memory;  // set if the OOM killer killed it: bytes at the last heartbeat
  std::optional<ConnId> conn;           // the connection it was serving
  std::string doing;                    // in words, with client and time
  std::vector<std::string> frames;      // backtrace, innermost first; empty without a crash record
  std::size_t reclaimed = 0;            // connections reclaimed for other workers
  std::uint64_t lost = 0;               // connections lost
};

// Names the frames of a crash record, innermost first: "http::Serve(...)+0x1f (/usr/sbin/preforkd+0x4a2f0)".
// The worker was a fork of this process without exec, so its addresses are valid here. For frames in its
// modules the names are its own.
std::vector<std::string> NameFrames(const WorkerRow& row);

// Logs one line, and one more for each frame.
void LogExit(const ExitDiagnosis& diagnosis);

// PoisonWatch: detects a request that may crash workers: the same request of the same client was in progress
// in kInARow workers that exited one after the other.
class PoisonWatch {
 public:
  static constexpr std::size_t kInARow = 3;

  // A worker exited abnormally; `row` is as it left it. True from the kInARow-th exit in a row with the same
  // request on; `suspect` then names the request and the client.
  bool OnExit(const WorkerRow& row, std::string& suspect);

 private:
  std::string last_;
  std::size_t in_a_row_ = 0;
};

}  // namespace preforkd

#endif
