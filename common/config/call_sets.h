// The named sets of system calls that a service may ask for beyond what every worker may do. Names only: the
// calls of each set are in common/process/call_table.h.
#ifndef PREFORKD_COMMON_CONFIG_CALL_SETS_H_
#define PREFORKD_COMMON_CONFIG_CALL_SETS_H_

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>

namespace preforkd {

enum class CallSet : std::uint8_t {
  kNetwork,    // its own sockets, and outgoing connections
  kFiles,      // open for writing, create, rename, remove, lock
  kProcesses,  // fork, exec, and signals to other processes
  kThreads,
  kCode,  // executable memory: loading libraries while serving, JIT compilers
};

inline constexpr std::array<std::pair<std::string_view, CallSet>, 5> kCallSetNames = {{
    {"network", CallSet::kNetwork},
    {"files", CallSet::kFiles},
    {"processes", CallSet::kProcesses},
    {"threads", CallSet::kThreads},
    {"code", CallSet::kCode},
}};

constexpr std::string_view CallSetName(CallSet set) {
  for (const auto& [name, each] : kCallSetNames) {
    if (each == set) return name;
  }
  return "?";
}

// Any number of sets; none: only what every worker has.
class CallSets {
 public:
  constexpr CallSets() = default;
  constexpr CallSets(std::initializer_list<CallSet> sets) {
    for (const CallSet set : sets) Add(set);
  }
  // One bit for each set, in the order of the names.
  constexpr explicit CallSets(std::uint64_t bits) : bits_(static_cast<std::uint8_t>(bits)) {}
  [[nodiscard]] constexpr std::uint64_t Bits() const { return bits_; }

  constexpr void Add(CallSet set) { bits_ = static_cast<std::uint8_t>(bits_ | Bit(set)); }
  constexpr void Add(CallSets sets) { bits_ = static_cast<std::uint8_t>(bits_ | sets.bits_); }
  [[nodiscard]] constexpr bool Has(CallSet set) const { return (bits_ & Bit(set)) != 0; }
  [[nodiscard]] constexpr bool Empty() const { return bits_ == 0; }

  bool operator==(const CallSets&) const = default;

 private:
  static constexpr unsigned Bit(CallSet set) { return 1U << static_cast<unsigned>(set); }
  std::uint8_t bits_ = 0;
};

}  // namespace preforkd

#endif
