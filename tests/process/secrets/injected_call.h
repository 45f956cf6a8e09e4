// Calls that a process is made to make, through ptrace(2): what somebody could do who has taken it over. The
// call has the identity, the filter and the memory of that process.
//
// Needs root, and x86-64.
#ifndef PREFORKD_TESTS_PROCESS_SECRETS_INJECTED_CALL_H_
#define PREFORKD_TESTS_PROCESS_SECRETS_INJECTED_CALL_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace preforkd::testing {

// An argument: a number, or bytes that are put onto the stack of the process, whose address is passed.
struct CallArgument {
  // NOLINTBEGIN: as in a call
  template <typename Number>
  requires std::is_integral_v<Number> || std::is_enum_v<Number> CallArgument(Number value)
      : number(static_cast<std::int64_t>(value)) {}
  CallArgument(std::string raw) : bytes(std::move(raw)), is_bytes(true) {}
  CallArgument(const char* text) : bytes(std::string(text) + '\0'), is_bytes(true) {}
  // NOLINTEND

  std::int64_t number = 0;
  std::string bytes;
  bool is_bytes = false;
};

// What became of it: "ok" and what it returned, the name of its errno, or "filter": the system-call filter
// has stopped it.
struct CallOutcome {
  std::string text;
  std::int64_t result = 0;
};

// A process that is stopped while this object lives, between two calls of its own. Throws std::runtime_error
// where it cannot be.
class TakenOver {
 public:
  explicit TakenOver(pid_t pid);
  TakenOver(const TakenOver&) = delete;
  TakenOver& operator=(const TakenOver&) = delete;
  ~TakenOver();

  CallOutcome Call(long number, const std::vector<CallArgument>& arguments);

 private:
  void Await(int& status) const;
  void Put(std::uint64_t address, const std::string& bytes) const;

  pid_t pid_;
};

}  // namespace preforkd::testing

#endif
