// CallFaults: makes chosen system calls of a running process fail, each named by its place: after which
// execve(2), and which one from there on. It follows one process through its programs with ptrace(2), and
// none of its children.
//
// Counting begins where a program of ours can come back from: behind the block of the command signals, the
// first call of main, at the first rt_sigaction for SIGSEGV, the first call of a program that takes over.
// What a sanitizer's runtime calls for itself is neither counted nor made to fail, before main and later: it
// is no part of the program, and ends the process when it is refused anything.
//
// It may not be allowed to trace, and it knows the registers of x86-64 only: a test asks Attached first, and
// skips what it cannot do.
#ifndef PREFORKD_TESTS_SUPPORT_CALL_FAULTS_H_
#define PREFORKD_TESTS_SUPPORT_CALL_FAULTS_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace preforkd::testing {

class CallFaults {
 public:
  struct Fault {
    int program = 1;  // behind the how manyth exec since Arm
    int call = 0;     // the how manyth of its calls, from 0; -1: every one that has `number`
    int errnum = 0;
    int number = -1;
  };
  struct Call {
    int number = -1;         // as in <sys/syscall.h>
    std::uint64_t site = 0;  // equal for calls from the same place in the program
  };

  explicit CallFaults(pid_t target);
  CallFaults(const CallFaults&) = delete;
  CallFaults& operator=(const CallFaults&) = delete;
  ~CallFaults();

  [[nodiscard]] bool Attached() const;
  // Forgets what was recorded. These are the calls that fail from the next exec on; none: only record.
  void Arm(const std::vector<Fault>& faults);
  // What the program behind the nth exec has called, up to the answer to whoever waits at the control socket;
  // empty when there was no such program.
  [[nodiscard]] std::vector<Call> Calls(int program) const;
  [[nodiscard]] pid_t Pid() const { return tracer_; }  // of the child that traces
  // Calls that failed since Arm because of it.
  [[nodiscard]] int Injected() const;
  // Programs since Arm.
  [[nodiscard]] int Programs() const;
  // Can it fail at all, by its manual page? One that ends the process, or always succeeds, is left alone.
  static bool CanFail(int number);

 private:
  struct Shared;
  class Tracer;

  pid_t target_;
  Shared* shared_;
  pid_t tracer_ = 0;
};

}  // namespace preforkd::testing

#endif
