// Numbers of a load tool's command line.
#ifndef PREFORKD_TOOLS_BENCHMARK_PARSE_NUMBER_H_
#define PREFORKD_TOOLS_BENCHMARK_PARSE_NUMBER_H_

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace preforkd::benchmark {

// nullopt: `text` is not a number, or more than that.
template <typename Number>
std::optional<Number> ParseNumber(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace preforkd::benchmark

#endif
