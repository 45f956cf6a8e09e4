// FdSnapshot: the open descriptors of a process, read from /proc/PID/fd, and how two such sets differ.
//
// Works from outside, without help of the process. A snapshot of our own process leaves out the descriptor
// that reads the folder.
#ifndef PREFORKD_TESTS_SUPPORT_FD_SNAPSHOT_H_
#define PREFORKD_TESTS_SUPPORT_FD_SNAPSHOT_H_

#include <sys/types.h>

#include <map>
#include <string>

namespace preforkd::testing {

class FdSnapshot {
 public:
  // Empty if there is no such process.
  static FdSnapshot Of(pid_t pid);
  static FdSnapshot OfSelf();

  // Number to link target: "socket:[4711]", "/dev/null", "anon_inode:[eventpoll]".
  [[nodiscard]] const std::map<int, std::string>& Targets() const { return targets_; }
  // The number of each kind: the target without the number that makes it unique; "module" for shared objects.
  // A server without a leak has
  // the same kinds before and after it has served clients.
  [[nodiscard]] std::map<std::string, int> Kinds() const;
  // Descriptors of one kind, such as "socket".
  [[nodiscard]] int Count(const std::string& kind) const;

  bool operator==(const FdSnapshot&) const = default;

 private:
  std::map<int, std::string> targets_;
};

// "socket: 5, then 7; pipe: 2, then 0"; empty when the kinds are equal.
std::string KindsDiff(const FdSnapshot& before, const FdSnapshot& after);

}  // namespace preforkd::testing

#endif
