// MissingSiblings: remembers for a second that a file has no sibling of some coding, so that a client which
// takes three codings does not cost three more system calls for each request. Pure: the caller passes the
// time.
//
// A table of fixed size, by a hash of the name. Another name with the same hash is taken for the same: then
// its sibling is not used for a second, and nothing else happens.
#ifndef PREFORKD_WORKER_HTTP_FILES_MISSING_SIBLINGS_H_
#define PREFORKD_WORKER_HTTP_FILES_MISSING_SIBLINGS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "common/base/clock.h"

namespace preforkd::http {

class MissingSiblings {
 public:
  static constexpr Duration kKept = std::chrono::seconds(1);

  [[nodiscard]] bool Knows(std::string_view sibling, Time now) const {
    const std::size_t hash = Hash(sibling);
    const Entry& entry = entries_[hash % kEntries];
    return entry.hash == hash && now < entry.until;
  }
  void Remember(std::string_view sibling, Time now) {
    const std::size_t hash = Hash(sibling);
    entries_[hash % kEntries] = {hash, now + kKept};
  }

 private:
  static constexpr std::size_t kEntries = 512;
  struct Entry {
    std::size_t hash = 0;
    Time until{};
  };
  static std::size_t Hash(std::string_view name) { return std::hash<std::string_view>()(name); }

  std::array<Entry, kEntries> entries_{};
};

}  // namespace preforkd::http

#endif
