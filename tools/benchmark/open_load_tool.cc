// open_load ADDRESS RATE SECONDS SHARE SEED [KEPT TIMEOUT]: an open load of HTTP clients. RATE requests a
// second arrive at random; SHARE of them (0 to 1) ask for /block, the rest for /hello. Each has a connection
// of its own, or KEPT clients keep one each and ask by turns; an answer that takes longer than TIMEOUT
// seconds is a failed one. Prints one JSON object: the number of correct and of failed answers, the clients
// that kept their first connection, and how long the quick requests took, in milliseconds from the planned
// arrival. A failed one took the timeout. Exits with 64 for a wrong command line.
#include <fmt/core.h>

#include <cstdio>
#include <optional>
#include <string_view>

#include "tests/support/open_load.h"
#include "tools/benchmark/measured_body.h"
#include "tools/benchmark/parse_number.h"

namespace preforkd::benchmark {
namespace {

constexpr int kWrongCommandLine = 64;

std::string Request(std::string_view path, bool keep) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: bench\r\n{}\r\n", path, keep ? "" : "Connection: close\r\n");
}

std::chrono::nanoseconds FromSeconds(double seconds) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
}

// False if they are wrong.
bool ParseKept(char** arguments, testing::OpenLoadPlan& plan) {
  const auto kept = ParseNumber<int>(arguments[0]);
  const auto timeout = ParseNumber<double>(arguments[1]);
  if (!kept || *kept < 1 || !timeout || *timeout <= 0) return false;
  plan.kept = *kept;
  plan.timeout = FromSeconds(*timeout);
  return true;
}

std::optional<testing::OpenLoadPlan> ParsePlan(int count, char** arguments) {
  if (count != 6 && count != 8) return std::nullopt;
  const auto rate = ParseNumber<double>(arguments[2]);
  const auto seconds = ParseNumber<double>(arguments[3]);
  const auto share = ParseNumber<double>(arguments[4]);
  const auto seed = ParseNumber<std::uint32_t>(arguments[5]);
  if (!rate || *rate <= 0 || !seconds || *seconds <= 0 || !share || *share < 0 || *share > 1 || !seed) {
    return std::nullopt;
  }
  testing::OpenLoadPlan plan;
  if (count == 8 && !ParseKept(arguments + 6, plan)) return std::nullopt;
  plan.address = arguments[1];
  plan.arrivals_per_second = *rate;
  plan.length = FromSeconds(*seconds);
  plan.blocking_share = *share;
  plan.quick = Request("/hello", plan.kept > 0);
  plan.blocking = Request("/block", plan.kept > 0);
  // No other answer of these servers ends like this: an error page has another body.
  plan.answer_end = fmt::format("\r\n\r\n{}", kMeasuredBody);
  plan.seed = *seed;
  return plan;
}

double Milliseconds(Duration duration) { return Seconds(duration) * 1e3; }

int Main(int argc, char** argv) {
  const auto plan = ParsePlan(argc, argv);
  if (!plan) {
    fmt::print(stderr, "usage: open_load ADDRESS RATE SECONDS SHARE SEED [KEPT TIMEOUT]\n");
    return kWrongCommandLine;
  }
  const testing::OpenLoadResult result = testing::RunOpenLoad(*plan);
  fmt::print(R"({{"answered": {}, "failed": {}, "kept": {}, "p50": {:.4f}, "p99": {:.4f}, "p999": {:.4f}, )"
             R"("worst": {:.4f}}})"
             "\n",
             result.answered, result.failed, result.kept, Milliseconds(result.Quantile(0.5)),
             Milliseconds(result.Quantile(0.99)), Milliseconds(result.Quantile(0.999)),
             Milliseconds(result.Quantile(1)));
  return 0;
}

}  // namespace
}  // namespace preforkd::benchmark

int main(int argc, char** argv) { return preforkd::benchmark::Main(argc, argv); }
