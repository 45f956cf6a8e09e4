// ServerStatus: the numbers of the status page, read over HTTP from a listener of the status service.
#ifndef PREFORKD_TESTS_SUPPORT_SERVER_STATUS_H_
#define PREFORKD_TESTS_SUPPORT_SERVER_STATUS_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>

namespace preforkd::testing {

// The connection that asks is counted, too, in `accepted` and `in_progress`.
struct ServerStatus {
  std::uint64_t accepted = 0;
  std::uint64_t accepted_at_first = 0;  // by the first listener alone
  std::uint64_t in_progress = 0;
  std::uint64_t parked = 0;
  std::uint64_t finished = 0;
  std::uint64_t evicted = 0;  // of those
  std::uint64_t lost = 0;
  std::uint64_t reclaimed = 0;
  bool gathers = false;
  std::uint64_t handed_over = 0;
  std::uint64_t handed_back = 0;
  std::uint64_t restarts = 0;
  std::set<std::uint64_t> generations;  // of the present workers

  // Every accepted connection is counted somewhere.
  [[nodiscard]] bool Exact() const { return accepted == in_progress + parked + finished + lost; }
  [[nodiscard]] std::string Text() const;
};

// One connection to `address`, one request. nullopt: no answer (its worker may have been killed).
std::optional<ServerStatus> TryAskStatus(const std::string& address);
// The same, but throws std::runtime_error if there is no answer.
ServerStatus AskStatus(const std::string& address);

}  // namespace preforkd::testing

#endif
