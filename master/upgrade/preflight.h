// Preflight: the new program, run as a child in its check mode on the real configuration and the real state,
// while this one goes on serving. What it says on its way is logged; how it ends is the answer.
//
// Owns the child and kills it when it takes too long, or when it is not wanted any more.
#ifndef PREFORKD_MASTER_UPGRADE_PREFLIGHT_H_
#define PREFORKD_MASTER_UPGRADE_PREFLIGHT_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/event/event_loop.h"
#include "common/event/fd_watch.h"
#include "common/event/timer.h"
#include "master/system/spawn.h"

namespace preforkd {

class Preflight {
 public:
  // The whole of it, so that an operator who waits has his answer within ten.
  static constexpr Duration kTimeout = std::chrono::seconds(8);

  // The version of the new program, or why not, in one line. Called once, from the loop, as the last thing
  // that is done.
  using Done = std::function<void(const Result<std::string>&)>;

  // `words` are the operator's, the program's name first. `state` is borrowed for the call.
  // Error: it could not even be started; `done` is not called then.
  static Result<std::unique_ptr<Preflight>> Start(EventLoop& loop, const std::string& path,
                                                  const std::vector<std::string>& words, UniqueFd state,
                                                  Done done);
  // Some child of this process has ended. True when it is this one, which is dealt with then.
  bool OnChildExit(pid_t pid);

  Preflight(const Preflight&) = delete;
  Preflight& operator=(const Preflight&) = delete;
  ~Preflight();

 private:
  Preflight(EventLoop& loop, SpawnedProcess child, UniqueFd output, Done done);
  Status Watch();
  void OnExit();
  void OnLate();
  void KillGroup() const;
  // Takes what the child has said so far.
  void Drain();
  // Logs whole lines and remembers the last.
  void Relay();
  [[nodiscard]] Result<std::string> Verdict(int code, int status) const;

  pid_t pid_;
  UniqueFd pidfd_;
  UniqueFd output_;
  Done done_;
  std::string said_;       // since the last line feed
  std::string last_line_;  // that was not empty
  std::size_t lines_ = 0;
  bool late_ = false;
  FdWatch exit_watch_;
  FdWatch output_watch_;
  Timer deadline_;
};

}  // namespace preforkd

#endif
