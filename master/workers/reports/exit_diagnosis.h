// ExitDiagnosis: what is known of a worker that has ended, from its row of the scoreboard before that is
// cleared. Puts it into words, and names the places in a crash record.
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
  std::string pool;  // its name
  ExitReport exit;
  WorkerState was{};
  Duration uptime{0};
  std::optional<std::uint64_t> memory;  // set: the OOM killer has taken it; what it had at its last heartbeat
  std::optional<ConnId> conn;           // that it was in the middle of serving
  std::string doing;                    // in words, with client and time
  std::vector<std::string> frames;      // where it was, innermost first; empty without a crash record
  std::size_t reclaimed = 0;
  std::uint64_t lost = 0;
};

// The places of a crash record, innermost first: "http::Serve(...)+0x1f (/usr/sbin/preforkd+0x4a2f0)". The
// worker was a fork of this process without exec, so its addresses are ours; a place in a library that only
// the worker had loaded is given as a bare address.
std::vector<std::string> NameFrames(const CrashRecord& record);

// One line, and one more for each frame.
void LogExit(const ExitDiagnosis& dead);

// Notices a request that kills: the same request of the same client in three workers that died in a row.
class PoisonWatch {
 public:
  static constexpr std::size_t kInARow = 3;

  // A worker has died abnormally. `row` is still as it left it. True when the suspicion is met, and then at
  // every further death of the same kind; `suspect` says what to warn of.
  bool OnExit(const WorkerRow& row, std::string& suspect);

 private:
  std::string last_;
  std::size_t in_a_row_ = 0;
};

}  // namespace preforkd

#endif
