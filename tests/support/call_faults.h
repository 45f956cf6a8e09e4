// CallFaults: makes chosen system calls of a running process fail. A call is named by the number of the
// execve(2) before it and its index from there on. It traces one process across its programs with ptrace(2),
// and none of its children.
//
// Counting starts where a program of ours can still return: after main's first call, which blocks the command
// signals, at the first rt_sigaction for SIGSEGV, the first call of a program that takes over. Calls of a
// sanitizer's runtime are neither counted nor made to fail: they are not part of the program, and the runtime
// ends the process if one fails.
//
// It may lack the permission to trace, and it knows the registers of x86-64 only: a test calls Attached first
// and skips if that is false.
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
    int program = 1;  // after which exec since Arm, from 1
    int call = 0;     // index of the call, from 0; -1: every call with `number`
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
  // Clears the record. From the next exec on these calls fail; an empty list only records.
  void Arm(const std::vector<Fault>& faults);
  // The calls of the program after the nth exec, up to its answer to the client that waits at the control
  // socket; empty if there was no such program.
  [[nodiscard]] std::vector<Call> Calls(int program) const;
  [[nodiscard]] pid_t Pid() const { return tracer_; }  // of the tracing child
  // Number of calls that it made fail since Arm.
  [[nodiscard]] int Injected() const;
  // Number of programs since Arm.
  [[nodiscard]] int Programs() const;
  // Whether the call can fail, by its manual page. One that ends the process or always succeeds cannot.
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
