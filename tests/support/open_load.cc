#include "tests/support/open_load.h"

#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>

namespace preforkd::testing {
namespace {

// Clients that may wait for an answer at once, if they keep no connection. More than ever do; otherwise the
// load would not be open.
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

// Between two requests there is nothing to read, unless the server has closed.
bool IsOpen(const TcpClient& connection) {
  char byte = 0;
  return ::recv(connection.Fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

class Client {
 public:
  explicit Client(const OpenLoadPlan& plan) : plan_(plan) {}

  // True if the right answer came.
  bool Ask(bool blocking) {
    if (connection_ && !IsOpen(*connection_)) Drop();
    if (!connection_ && !Connect()) return false;
    const bool sent = connection_->SendAll(blocking ? plan_.blocking : plan_.quick);
    const auto answer = sent ? connection_->ReadUntil(plan_.answer_end) : std::nullopt;
    // A server that says so may wait for the client's end before it serves others.
    if (!answer || answer->find("\r\nConnection: close\r\n") != std::string::npos) Drop();
    return answer.has_value();
  }

  void Leave() { connection_.reset(); }
  [[nodiscard]] bool HasFirstConnection() const { return first_ && connection_ && IsOpen(*connection_); }

 private:
  bool Connect() {
    Result<TcpClient> fresh = TcpClient::Connect(plan_.address, plan_.timeout);
    if (!fresh.Ok()) return false;
    connection_ = std::move(fresh).Value();
    return true;
  }

  void Drop() {
    connection_.reset();
    first_ = false;
  }

  const OpenLoadPlan& plan_;
  std::optional<TcpClient> connection_;
  bool first_ = true;  // it has lost none
};

// The run that all threads share.
class Run {
 public:
  explicit Run(const OpenLoadPlan& plan) : plan_(plan), arrivals_(Draw(plan)) {}

  void Start() { start_ = Now() + std::chrono::milliseconds(50); }

  // For one thread: those arrivals that are the turn of its client.
  void AskInTurn(std::size_t number, Client& client, OpenLoadResult& result) const {
    for (std::size_t i = number; i < arrivals_.size(); i += static_cast<std::size_t>(plan_.kept)) {
      Ask(arrivals_[i], client, result);
    }
  }

  // For one thread: arrivals that no other one has taken, each on a new connection.
  void AskNext(OpenLoadResult& result) {
    Client client(plan_);
    for (std::size_t i = next_++; i < arrivals_.size(); i = next_++) {
      Ask(arrivals_[i], client, result);
      client.Leave();
    }
  }

 private:
  void Ask(const Arrival& arrival, Client& client, OpenLoadResult& result) const {
    const Time planned = start_ + arrival.at;
    std::this_thread::sleep_until(planned);  // the schedule of the client, not a wait for the server
    // Where the answers before it took too long, the client has given up before it could ask.
    const bool right = Now() - planned < plan_.timeout && client.Ask(arrival.blocking);
    const Duration took = Now() - planned;
    ++(right ? result.answered : result.failed);
    if (!arrival.blocking) {
      result.quick.push_back(right ? took : std::max(took, plan_.timeout));
    } else if (right) {
      ++result.blocking;
    }
  }

  const OpenLoadPlan& plan_;
  const std::vector<Arrival> arrivals_;
  Time start_{};
  std::atomic<std::size_t> next_ = 0;
};

void JoinAll(std::vector<std::thread>& threads) {
  for (std::thread& thread : threads) thread.join();
}

int AskOnKept(const OpenLoadPlan& plan, Run& run, std::vector<OpenLoadResult>& results) {
  std::vector<Client> clients;
  for (std::size_t i = 0; i < results.size(); ++i) clients.emplace_back(plan);
  // One after the other, so that no backlog is full. After one without an answer the others need not try:
  // they open theirs when it is their turn.
  (void)std::all_of(clients.begin(), clients.end(), [](Client& client) { return client.Ask(false); });
  run.Start();
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < clients.size(); ++i) {
    threads.emplace_back([&, i] { run.AskInTurn(i, clients[i], results[i]); });
  }
  JoinAll(threads);
  return static_cast<int>(std::count_if(clients.begin(), clients.end(),
                                        [](const Client& client) { return client.HasFirstConnection(); }));
}

void AskOnNew(Run& run, std::vector<OpenLoadResult>& results) {
  run.Start();
  std::vector<std::thread> threads;
  for (OpenLoadResult& result : results) threads.emplace_back([&] { run.AskNext(result); });
  JoinAll(threads);
}

}  // namespace

Duration OpenLoadResult::Quantile(double share) const {
  if (quick.empty()) return Duration(0);
  const auto index = static_cast<std::size_t>(share * static_cast<double>(quick.size()));
  return quick[std::min(index, quick.size() - 1)];
}

OpenLoadResult RunOpenLoad(const OpenLoadPlan& plan) {
  Run run(plan);
  std::vector<OpenLoadResult> results(static_cast<std::size_t>(plan.kept > 0 ? plan.kept : kThreads));
  OpenLoadResult sum;
  if (plan.kept > 0) {
    sum.kept = AskOnKept(plan, run, results);
  } else {
    AskOnNew(run, results);
  }
  for (const OpenLoadResult& one : results) {
    sum.quick.insert(sum.quick.end(), one.quick.begin(), one.quick.end());
    sum.blocking += one.blocking;
    sum.answered += one.answered;
    sum.failed += one.failed;
  }
  std::sort(sum.quick.begin(), sum.quick.end());
  return sum;
}

}  // namespace preforkd::testing
