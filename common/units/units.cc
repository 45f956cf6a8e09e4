#include "common/units/units.h"

#include <fmt/core.h>

#include <array>
#include <charconv>
#include <limits>
#include <span>

#include "common/base/check.h"
#include "common/text/quote.h"

namespace preforkd {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// Largest first: formatting uses the first unit that divides the value.
constexpr std::array<Unit, 6> kDurationUnits = {{{"h", 3'600'000'000'000},
                                                 {"m", 60'000'000'000},
                                                 {"s", 1'000'000'000},
                                                 {"ms", 1'000'000},
                                                 {"us", 1'000},
                                                 {"ns", 1}}};
constexpr std::array<Unit, 9> kSizeUnits = {{{"TiB", std::uint64_t{1} << 40},
                                             {"TB", 1'000'000'000'000},
                                             {"GiB", 1 << 30},
                                             {"GB", 1'000'000'000},
                                             {"MiB", 1 << 20},
                                             {"MB", 1'000'000},
                                             {"KiB", 1 << 10},
                                             {"KB", 1'000},
                                             {"", 1}}};
constexpr std::array<Unit, 1> kNoUnits = {{{"", 1}}};

// How one kind of quantity is written.
struct Scale {
  std::span<const Unit> units;
  std::string_view hint;
  std::uint64_t limit;  // the largest value that the target type holds
};

constexpr Scale kDurations = {kDurationUnits,
                              "write a number and a unit, such as \"250ms\", \"30s\", \"5m\" or \"1h\"",
                              std::numeric_limits<Duration::rep>::max()};
constexpr Scale kSizes = {kSizeUnits, "write a number and a unit, such as \"64KiB\", \"10MB\" or \"1GiB\"",
                          std::numeric_limits<std::uint64_t>::max()};
constexpr Scale kNumbers = {kNoUnits, "write a whole number", std::numeric_limits<std::uint64_t>::max()};

Result<std::uint64_t> Parse(std::string_view text, const Scale& scale) {
  const Error wrong{fmt::format("{} is not understood; {}", Quoted(text), scale.hint)};
  const Error too_large{fmt::format("{} is too large", Quoted(text))};
  std::uint64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::result_out_of_range) return too_large;
  if (error != std::errc()) return wrong;
  const std::string_view name = text.substr(static_cast<std::size_t>(rest - text.data()));
  if (number == 0 && name.empty()) return number;
  for (const Unit& unit : scale.units) {
    if (unit.name != name) continue;
    if (number > scale.limit / unit.factor) return too_large;
    return number * unit.factor;
  }
  return wrong;
}

std::string Format(std::uint64_t value, std::span<const Unit> units) {
  if (value == 0) return "0";
  for (const Unit& unit : units) {
    if (value % unit.factor == 0) return fmt::format("{}{}", value / unit.factor, unit.name);
  }
  PF_CHECK(false, "the last unit has the factor 1");
}

}  // namespace

Result<Duration> ParseDuration(std::string_view text) {
  const Result<std::uint64_t> nanoseconds = Parse(text, kDurations);
  if (!nanoseconds.Ok()) return nanoseconds.Err();
  return Duration(static_cast<Duration::rep>(nanoseconds.Value()));
}

std::string FormatDuration(Duration duration) {
  PF_CHECK(duration >= Duration::zero(), "a configured duration is never negative");
  return Format(static_cast<std::uint64_t>(duration.count()), kDurationUnits);
}

Result<std::uint64_t> ParseSize(std::string_view text) { return Parse(text, kSizes); }

std::string FormatSize(std::uint64_t bytes) { return Format(bytes, kSizeUnits); }

Result<std::uint64_t> ParseNumber(std::string_view text) { return Parse(text, kNumbers); }

}  // namespace preforkd
