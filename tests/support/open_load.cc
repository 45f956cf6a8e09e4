#include "tests/support/open_load.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <optional>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>

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

bool Ask(const OpenLoadPlan& plan, bool blocking, TcpClient& client) {
  return client.SendAll(blocking ? plan.blocking : plan.quick) &&
         client.ReadUntil(plan.answer_end).has_value();
}

// Connections between two requests. A request takes the one that has been idle longest.
class IdleConnections {
 public:
  explicit IdleConnections(const OpenLoadPlan& plan) : plan_(plan) {
    for (int i = 0; i < plan.kept; ++i) {
      TcpClient client(plan.address);
      if (!Ask(plan, false, client)) throw std::runtime_error("a first request is not answered");
      Put(std::move(client));
    }
  }

  bool AskOnce(bool blocking) {
    std::optional<TcpClient> client = Take();
    if (!client) return false;
    const bool right = Ask(plan_, blocking, *client);
    if (right && plan_.kept > 0) Put(std::move(*client));
    return right;
  }

 private:
  std::optional<TcpClient> Take() {
    std::unique_lock lock(mutex_);
    if (!idle_.empty()) {
      TcpClient client = std::move(idle_.front());
      idle_.pop_front();
      return client;
    }
    lock.unlock();
    Result<TcpClient> fresh = TcpClient::Connect(plan_.address);
    if (!fresh.Ok()) return std::nullopt;
    return std::move(fresh).Value();
  }

  void Put(TcpClient client) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(client));
  }

  const OpenLoadPlan& plan_;
  std::mutex mutex_;
  std::deque<TcpClient> idle_;
};

}  // namespace

Duration OpenLoadResult::Quantile(double share) const {
  if (quick.empty()) return Duration(0);
  const auto index = static_cast<std::size_t>(share * static_cast<double>(quick.size()));
  return quick[std::min(index, quick.size() - 1)];
}

OpenLoadResult RunOpenLoad(const OpenLoadPlan& plan) {
  const std::vector<Arrival> arrivals = Draw(plan);
  IdleConnections connections(plan);
  const Time start = Now() + std::chrono::milliseconds(50);
  std::atomic<std::size_t> next = 0;
  std::vector<OpenLoadResult> results(kThreads);
  std::vector<std::thread> threads;
  for (OpenLoadResult& result : results) {
    threads.emplace_back([&] {
      for (std::size_t i = next++; i < arrivals.size(); i = next++) {
        const Time planned = start + arrivals[i].at;
        std::this_thread::sleep_until(planned);  // the schedule of the client, not a wait for the server
        if (!connections.AskOnce(arrivals[i].blocking)) {
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
