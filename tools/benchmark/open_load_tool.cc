// open_load ADDRESS RATE SECONDS SHARE SEED: an open load of HTTP clients. RATE clients a second arrive at
// random, each on a new connection; SHARE of them (0 to 1) ask for /block, the rest for /hello. Prints one
// JSON object: the number of correct and of failed answers, and how long the quick ones took, in milliseconds
// from the planned arrival. Exits with 64 for a wrong command line.
#include <fmt/core.h>

#include <charconv>
#include <cstdio>
#include <optional>
#include <string_view>

#include "tests/support/open_load.h"
#include "tools/benchmark/measured_body.h"

namespace preforkd::benchmark {
namespace {

constexpr int kWrongCommandLine = 64;

std::string Request(std::string_view path) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n", path);
}

template <typename Number>
std::optional<Number> Parse(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<testing::OpenLoadPlan> ParsePlan(char** arguments) {
  const auto rate = Parse<double>(arguments[2]);
  const auto seconds = Parse<double>(arguments[3]);
  const auto share = Parse<double>(arguments[4]);
  const auto seed = Parse<std::uint32_t>(arguments[5]);
  if (!rate || *rate <= 0 || !seconds || *seconds <= 0 || !share || *share < 0 || *share > 1 || !seed) {
    return std::nullopt;
  }
  testing::OpenLoadPlan plan;
  plan.address = arguments[1];
  plan.arrivals_per_second = *rate;
  plan.length = std::chrono::nanoseconds(static_cast<std::int64_t>(*seconds * 1e9));
  plan.blocking_share = *share;
  plan.quick = Request("/hello");
  plan.blocking = Request("/block");
  // No other answer of these servers ends like this: an error page has another body.
  plan.answer_end = fmt::format("\r\n\r\n{}", kMeasuredBody);
  plan.seed = *seed;
  return plan;
}

double Milliseconds(Duration duration) { return Seconds(duration) * 1e3; }

int Main(int argc, char** argv) {
  const auto plan = argc == 6 ? ParsePlan(argv) : std::nullopt;
  if (!plan) {
    fmt::print(stderr, "usage: open_load ADDRESS RATE SECONDS SHARE SEED\n");
    return kWrongCommandLine;
  }
  const testing::OpenLoadResult result = testing::RunOpenLoad(*plan);
  fmt::print(R"({{"quick": {}, "blocking": {}, "failed": {}, "p50": {:.4f}, "p99": {:.4f}, "p999": {:.4f}, )"
             R"("worst": {:.4f}}})"
             "\n",
             result.quick.size(), result.blocking, result.failed, Milliseconds(result.Quantile(0.5)),
             Milliseconds(result.Quantile(0.99)), Milliseconds(result.Quantile(0.999)),
             Milliseconds(result.Quantile(1)));
  return 0;
}

}  // namespace
}  // namespace preforkd::benchmark

int main(int argc, char** argv) { return preforkd::benchmark::Main(argc, argv); }
