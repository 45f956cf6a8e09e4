// Durations and sizes as people write them: one whole number and one unit, "250ms", "64KiB". Strict: no sign,
// no space, no fraction, no overflow. Parse reads what Format writes back to the same value.
#ifndef PREFORKD_COMMON_UNITS_UNITS_H_
#define PREFORKD_COMMON_UNITS_UNITS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace preforkd {

// "10us", "250ms", "30s", "5m", "1h"; "0" needs no unit.
Result<Duration> ParseDuration(std::string_view text);
std::string FormatDuration(Duration duration);

// "64KiB", "512MiB" (powers of 1024), "10MB" (powers of 1000), "4096" (bytes).
Result<std::uint64_t> ParseSize(std::string_view text);
std::string FormatSize(std::uint64_t bytes);

// A whole number without a unit.
Result<std::uint64_t> ParseNumber(std::string_view text);

}  // namespace preforkd

#endif
