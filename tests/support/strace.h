// Strace: strace(1) on a running process, for the life of an object. It may not be there, and it may not be
// allowed to trace: a test asks Attached first, and skips what it cannot do.
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
  // `options`: what to do, beside following `target` and writing to the file `output`.
  Strace(pid_t target, std::vector<std::string> options, std::string output);
  Strace(const Strace&) = delete;
  Strace& operator=(const Strace&) = delete;
  ~Strace() { Stop(); }

  // Waits for it. False where there is no strace, or no permission to trace.
  [[nodiscard]] bool Attached() const;
  // Lets the process go; everything is in the file when this returns.
  void Stop();

  // With an option -e inject=: the calls that were injected so far.
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
