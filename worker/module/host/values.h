// Values across the C interface: texts and times. Nothing is copied.
#ifndef PREFORKD_WORKER_MODULE_HOST_VALUES_H_
#define PREFORKD_WORKER_MODULE_HOST_VALUES_H_

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "common/base/clock.h"
#include "worker/api/module.h"

namespace preforkd::module {

inline constexpr pfd_str kAbsent = {nullptr, 0};

// An empty text is not an absent one.
inline pfd_str ToStr(std::string_view text) {
  return {text.data() == nullptr ? "" : text.data(), text.size()};
}
// What a module passed. Absent, or NULL by mistake: empty.
inline std::string_view ToView(pfd_str text) {
  return text.data == nullptr ? std::string_view() : std::string_view(text.data, text.size);
}

// Of nanoseconds that a module passed: at most ten years, so that the sum with the clock cannot overflow.
inline Duration ToDuration(std::uint64_t nanoseconds) {
  constexpr Duration kLongest = std::chrono::hours(24 * 365 * 10);
  return Duration(
      static_cast<Duration::rep>(std::min(nanoseconds, static_cast<std::uint64_t>(kLongest.count()))));
}

}  // namespace preforkd::module

#endif
