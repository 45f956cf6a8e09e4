// Upgrader: carries out what Change decides about an upgrade in place, in the program that leaves: a child
// runs the new binary in check mode; if it accepts, this process becomes the new program, which resumes from
// the saved state. Up to the exec any failure leaves everything as it is; from there to the first step that
// cannot be undone the new program can still become this one again (upgrade/way_back.h).
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
  // `words` are the operator's command line, `path` the file that an upgrade runs.
  Upgrader(const MasterParts& parts, std::vector<std::string> words, std::string path);

  void Do(const StartPreflight& action);
  void Do(const KillPreflight& action);
  void Do(const Replace& action);
  void Do(const RefuseUpgrade& action);

  // This program is back, because its successor could not take over: what the report says of it.
  void SetReturnReason(std::string reason) { return_reason_ = std::move(reason); }
  void Do(const ReportReturn& action);

  // Some child of this process has ended. True when it is the one that looks at the state, which is dealt
  // with then.
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
