// The system calls that a worker may make: those that every worker needs, and those that each named set adds.
// Pure: names and tests of arguments; worker/process/call_filter.h builds the filter.
//
// Calls in no set are refused to every worker, whatever its services ask for. Among them are calls that would
// bypass the filter (io_uring), reach other processes (ptrace, process_vm_readv), or change the kernel (bpf,
// mount, modules).
#ifndef PREFORKD_COMMON_PROCESS_CALL_TABLE_H_
#define PREFORKD_COMMON_PROCESS_CALL_TABLE_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "common/config/call_sets.h"

namespace preforkd {

// (argument & mask) == value. Arguments count from 0. A filter cannot test memory behind a pointer
// (seccomp(2)).
struct ArgumentTest {
  unsigned argument = 0;
  std::uint64_t mask = ~std::uint64_t{0};
  std::uint64_t value = 0;
};

// A call is allowed if all tests of one of its rules hold. A rule without tests always holds.
struct CallRule {
  std::string_view name;  // static storage
  std::vector<ArgumentTest> tests;
};

// What a process may do without any set.
enum class CallBase {
  kWorker,
  kGate,  // no files: it has read its certificates by then
};

// The rules for a process whose services have `sets`. `self`: its process id, the only one it may send
// signals to. Sorted by name; a call that is always allowed has one rule.
std::vector<CallRule> RulesFor(CallBase base, CallSets sets, pid_t self);

// clone3(2) has its flags behind a pointer. If threads or processes are allowed, the filter answers ENOSYS,
// and libc falls back to clone(2), whose flags can be tested.
bool HidesClone3(CallSets sets);

// The set that adds `name`, or more arguments of it; nullopt: no set does.
std::optional<CallSet> SetThatAdds(std::string_view name);

}  // namespace preforkd

#endif
