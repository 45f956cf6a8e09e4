// FdSnapshot: which descriptors a process has open, by /proc/PID/fd, and how two such sets differ.
//
// Read from outside: the process that is looked at takes no part. Looking at ourselves does not count the
// descriptor that does the looking.
#ifndef PREFORKD_TESTS_SUPPORT_FD_SNAPSHOT_H_
#define PREFORKD_TESTS_SUPPORT_FD_SNAPSHOT_H_

#include <sys/types.h>

#include <map>
#include <string>

namespace preforkd::testing {

class FdSnapshot {
 public:
  // Empty when there is no such process.
  static FdSnapshot Of(pid_t pid);
  static FdSnapshot OfSelf();

  // Number to link target: "socket:[4711]", "/dev/null", "anon_inode:[eventpoll]".
  [[nodiscard]] const std::map<int, std::string>& Targets() const { return targets_; }
  // How many there are of each kind: the target without the number that makes it unique. What is equal before
  // and after the same service has been rendered.
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
