// StatusPage: the accounts of a running server, as its status service tells them.
#ifndef PREFORKD_TESTS_SUPPORT_STATUS_PAGE_H_
#define PREFORKD_TESTS_SUPPORT_STATUS_PAGE_H_

#include <cstdint>
#include <optional>
#include <string>

namespace preforkd::testing {

struct StatusPage {
  std::uint64_t accepted = 0;
  std::uint64_t in_progress = 0;  // the connection that asks is one of them
  std::uint64_t parked = 0;
  std::uint64_t finished = 0;
  std::uint64_t lost = 0;
  std::uint64_t reclaimed = 0;
  std::uint64_t restarts = 0;

  [[nodiscard]] bool Exact() const { return accepted == in_progress + parked + finished + lost; }
  [[nodiscard]] std::string Text() const;

  // One connection to `address`, one request. nullopt: no answer (its worker may have been killed).
  static std::optional<StatusPage> Read(const std::string& address);
};

}  // namespace preforkd::testing

#endif
