// Upgrader: carries out Change's decisions about an upgrade in place, in the old program. A child process
// runs the new binary in check mode. If it accepts, this process execs the new binary, which resumes from the
// saved state. Until the exec any failure leaves everything as it was. From the exec to the first step that
// cannot be undone, the new program can still return to this one (upgrade/way_back.h).
#ifndef PREFORKD_MASTER_CHANGE_UPGRADER_H_
#define PREFORKD_MASTER_CHANGE_UPGRADER_H_

#include <memory>
#include <string>
#include <vector>

#include "master/change/master_parts.h"
#include "master/upgrade/preflight.h"

namespace preforkd {

class Upgrader {
 public:
  // `words`: the operator's command line. `path`: the file that an upgrade executes.
  Upgrader(const MasterParts& parts, std::vector<std::string> words, std::string path);

  void Do(const StartPreflight& action);
  void Do(const KillPreflight& action);
  void Do(const Replace& action);
  void Do(const RefuseUpgrade& action);

  // This program is running again because the new one failed to take over: sets why, for the report.
  void SetReturnReason(std::string reason) { return_reason_ = std::move(reason); }
  void Do(const ReportReturn& action);

  // A child of this process has exited. True if it was the preflight, which is then handled.
  bool OnChildExit(pid_t pid) { return preflight_ != nullptr && preflight_->OnChildExit(pid); }

 private:
  Status Begin();
  void OnVerdict(const Result<std::string>& verdict);
  void Fail(const std::string& why);

  MasterParts parts_;
  std::vector<std::string> words_;
  std::string path_;
  std::unique_ptr<Preflight> preflight_;
  std::string coming_version_;
  std::string return_reason_;
};

}  // namespace preforkd

#endif
