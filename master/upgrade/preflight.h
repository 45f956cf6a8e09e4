// Preflight: runs the new program as a child in check mode, on the real configuration and the real state,
// while this program keeps serving. Logs the child's output; its exit code and last line are the verdict.
//
// Owns the child and its process group. Kills them when its time is over and on destruction. Master only.
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
  // For the whole check but what modules preload, so that an operator who waits has an answer within ten
  // seconds.
  static constexpr Duration kTimeout = std::chrono::seconds(8);

  // The version of the new program, or why it was refused, in one line. Called exactly once, from the loop;
  // may destroy the Preflight.
  using Done = std::function<void(const Result<std::string>&)>;

  // `path`: the file of the new program. `words`: the operator's command line, program name first. `state`:
  // the saved state (state_file.h), closed in this process at the end of the call. `limit`: kTimeout, and the
  // time to preload.
  // Error: the child could not be started; `done` is not called.
  static Result<std::unique_ptr<Preflight>> Start(EventLoop& loop, const std::string& path,
                                                  const std::vector<std::string>& words, UniqueFd state,
                                                  Duration limit, Done done);
  // A child of this process has exited. True if it was this one, which is then handled.
  bool OnChildExit(pid_t pid);

  Preflight(const Preflight&) = delete;
  Preflight& operator=(const Preflight&) = delete;
  ~Preflight();

 private:
  Preflight(EventLoop& loop, SpawnedProcess child, UniqueFd output, Duration limit, Done done);
  Status Watch();
  void OnExit();
  void OnLate();
  void KillGroup() const;
  // Reads all output that is there.
  void Drain();
  // Logs complete lines and remembers the last one.
  void Relay();
  [[nodiscard]] Result<std::string> Verdict(int code, int status) const;

  pid_t pid_;
  UniqueFd pidfd_;
  UniqueFd output_;
  Duration limit_;
  Done done_;
  std::string said_;       // output after the last line feed
  std::string last_line_;  // the last line that was not empty
  std::size_t lines_ = 0;
  bool late_ = false;
  FdWatch exit_watch_;
  FdWatch output_watch_;
  Timer deadline_;
};

}  // namespace preforkd

#endif
