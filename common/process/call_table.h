// Which system calls a worker may make: those that every worker needs, and what each named set adds. Pure:
// names and tests of arguments; worker/process/call_filter.h makes a filter of them.
//
// What is in no set is refused to every worker, whatever its services ask for: among them what would lead
// around the filter (io_uring), into other processes (ptrace, process_vm_readv), or into the kernel (bpf,
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

// (argument & mask) == value. Arguments count from 0. What is behind a pointer cannot be tested (seccomp(2)).
struct ArgumentTest {
  unsigned argument = 0;
  std::uint64_t mask = ~std::uint64_t{0};
  std::uint64_t value = 0;
};

// A call is allowed if all tests of one of its rules hold. No test: always.
struct CallRule {
  std::string_view name;  // static storage
  std::vector<ArgumentTest> tests;
};

// For a worker whose services have `sets`. `self`: its process id, to which alone it may send signals.
// Sorted by name; a call that is always allowed has one rule.
std::vector<CallRule> RulesFor(CallSets sets, pid_t self);

// clone3(2) has its flags behind a pointer. Where threads or processes may be made, it is said not to exist
// (ENOSYS), and libc calls clone(2), whose flags can be seen.
bool HidesClone3(CallSets sets);

// The set that adds `name`, or more of it; nullopt: no set does.
std::optional<CallSet> SetThatAdds(std::string_view name);

}  // namespace preforkd

#endif
