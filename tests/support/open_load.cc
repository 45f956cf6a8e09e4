#include "tests/support/open_load.h"

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

// Clients that may wait for an answer at once. More than ever do; otherwise the load would not be open.
constexpr int kThreads = 64;

struct Arrival {
  Duration at{0};
  bool blocking = false;
};

std::vector<Arrival> Draw(const OpenLoadPlan& plan) {
  std::mt19937 random(plan.seed);
  std::exponential_distribution<double> gap(plan.arrivals_per_second);
  std::bernoulli_distribution blocks(plan.blocking_share);
  std::vector<Arrival> arrivals;
  for (double at = gap(random); at < Seconds(plan.length); at += gap(random)) {
    arrivals.push_back(
        Arrival{std::chrono::nanoseconds(static_cast<std::int64_t>(at * 1e9)), blocks(random)});
  }
  return arrivals;
}

bool AskOnce(const OpenLoadPlan& plan, bool blocking) {
  Result<TcpClient> client = TcpClient::Connect(plan.address);
  return client.Ok() && client.Value().SendAll(blocking ? plan.blocking : plan.quick) &&
         client.Value().ReadUntil(plan.answer_end).has_value();
}

}  // namespace

Duration OpenLoadResult::Quantile(double share) const {
  if (quick.empty()) return Duration(0);
  const auto index = static_cast<std::size_t>(share * static_cast<double>(quick.size()));
  return quick[std::min(index, quick.size() - 1)];
}

OpenLoadResult RunOpenLoad(const OpenLoadPlan& plan) {
  const std::vector<Arrival> arrivals = Draw(plan);
  const Time start = Now() + std::chrono::milliseconds(50);
  std::atomic<std::size_t> next = 0;
  std::vector<OpenLoadResult> results(kThreads);
  std::vector<std::thread> threads;
  for (OpenLoadResult& result : results) {
    threads.emplace_back([&] {
      for (std::size_t i = next++; i < arrivals.size(); i = next++) {
        const Time planned = start + arrivals[i].at;
        std::this_thread::sleep_until(planned);  // the schedule of the client, not a wait for the server
        if (!AskOnce(plan, arrivals[i].blocking)) {
          ++result.failed;
        } else if (arrivals[i].blocking) {
          ++result.blocking;
        } else {
          result.quick.push_back(Now() - planned);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  OpenLoadResult sum;
  for (const OpenLoadResult& one : results) {
    sum.quick.insert(sum.quick.end(), one.quick.begin(), one.quick.end());
    sum.blocking += one.blocking;
    sum.failed += one.failed;
  }
  std::sort(sum.quick.begin(), sum.quick.end());
  return sum;
}

}  // namespace preforkd::testing
