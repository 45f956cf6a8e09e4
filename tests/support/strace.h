// Strace: runs strace(1) on a running process during the life of this object. It may not be installed or may
// not trace: a test calls Attached first and skips if that is false.
#ifndef PREFORKD_TESTS_SUPPORT_STRACE_H_
#define PREFORKD_TESTS_SUPPORT_STRACE_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace preforkd::testing {

class Strace {
 public:
  // `options`: beside those for `target` and the file `output`.
  Strace(pid_t target, std::vector<std::string> options, std::string output);
  Strace(const Strace&) = delete;
  Strace& operator=(const Strace&) = delete;
  ~Strace() { Stop(); }

  // Waits for it. False if strace is not installed or may not trace.
  [[nodiscard]] bool Attached() const;
  // Detaches; the file is complete when this returns.
  void Stop();

  // With an option -e inject=: the number of calls injected so far.
  [[nodiscard]] std::size_t Injected() const;
  // With the option -c, after Stop: the number of calls by name.
  [[nodiscard]] std::map<std::string, std::uint64_t> Counts() const;

 private:
  pid_t target_;
  std::string output_;
  pid_t pid_ = 0;
};

}  // namespace preforkd::testing

#endif
