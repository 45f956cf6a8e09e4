// handshake_load ADDRESS PATH CLIENTS SECONDS RATE full|resume SEED: CLIENTS that connect, make a TLS
// handshake, ask once and leave. RATE 0: each comes again as soon as it has left; else so many visits a
// second arrive at random, and their time counts from the planned arrival. `full`: no client ever resumes a
// session, though it is given tickets. `resume`: each offers the last session that it has. Prints one line
// for handshakes.py. Exits with 64 for a wrong command line.
//
// wrk cannot do this: it resumes wherever the server lets it.
#include <fmt/core.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/support/tcp_client.h"
#include "tools/benchmark/measured_body.h"
#include "tools/benchmark/parse_number.h"

namespace preforkd::benchmark {
namespace {

constexpr int kWrongCommandLine = 64;
constexpr Duration kTimeout = std::chrono::seconds(10);

struct Plan {
  std::string address;
  std::string path;
  int clients = 0;
  Duration length{0};
  double rate = 0;
  bool resume = false;
  std::uint32_t seed = 0;
};

struct Free {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

struct Tally {
  std::vector<Duration> took;  // of the right answers
  std::uint64_t bytes = 0;
  std::uint64_t connect = 0;  // the rest are errors: no connection
  std::uint64_t handshake = 0;
  std::uint64_t read = 0;    // no answer, or not all of it
  std::uint64_t status = 0;  // another answer
  std::uint64_t kind = 0;    // resumed where it should not have been, or the other way round

  void Add(const Tally& other) {
    took.insert(took.end(), other.took.begin(), other.took.end());
    bytes += other.bytes;
    connect += other.connect;
    handshake += other.handshake;
    read += other.read;
    status += other.status;
    kind += other.kind;
  }
};

class Client {
 public:
  Client(const Plan& plan, SSL_CTX& context)
      : plan_(plan),
        context_(context),
        request_(fmt::format("GET {} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n", plan.path)) {}

  void Visit(Time begin, Tally& tally) {
    const Result<testing::TcpClient> tcp = testing::TcpClient::Connect(plan_.address, kTimeout);
    if (!tcp.Ok()) return Count(tally.connect);
    // As all clients do: the request follows at once, and would wait until the Finished before it has
    // arrived.
    const int yes = 1;
    (void)::setsockopt(tcp.Value().Fd(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    const Owned<SSL> ssl(SSL_new(&context_));
    if (ssl == nullptr || SSL_set_fd(ssl.get(), tcp.Value().Fd()) != 1) return Count(tally.handshake);
    if (session_ != nullptr) SSL_set_session(ssl.get(), session_.get());
    if (SSL_connect(ssl.get()) != 1) return Count(tally.handshake);
    // The first has nothing to resume. A server that gives no tickets shows in the second.
    const bool wanted = plan_.resume && visited_;
    visited_ = true;
    if ((SSL_session_reused(ssl.get()) == 1) != wanted) Count(tally.kind);
    Ask(*ssl, begin, tally);
    if (plan_.resume && SSL_SESSION_is_resumable(SSL_get0_session(ssl.get())) == 1)
      session_.reset(SSL_get1_session(ssl.get()));
    // libssl drops the session of a connection that has not ended in order; the server has ended this one.
    SSL_set_shutdown(ssl.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  }

 private:
  static void Count(std::uint64_t& counter) { ++counter; }

  void Ask(SSL& ssl, Time begin, Tally& tally) const {
    if (SSL_write(&ssl, request_.data(), static_cast<int>(request_.size())) <= 0) return Count(tally.read);
    std::string answer;
    std::array<char, 16384> bytes;
    Time end = begin;
    // Until the server has closed: a client that left before would make the server meet a reset.
    for (int size = 0; (size = SSL_read(&ssl, bytes.data(), bytes.size())) > 0; end = Now())
      answer.append(bytes.data(), static_cast<std::size_t>(size));
    if (!answer.ends_with(kMeasuredBody)) return Count(tally.read);
    if (!answer.starts_with("HTTP/1.1 200 ")) return Count(tally.status);
    tally.bytes += answer.size();
    tally.took.push_back(end - begin);
  }

  const Plan& plan_;
  SSL_CTX& context_;
  const std::string request_;
  Owned<SSL_SESSION> session_;
  bool visited_ = false;
};

// ---- the run that all threads share ----

std::vector<Duration> DrawArrivals(const Plan& plan) {
  std::vector<Duration> arrivals;
  if (plan.rate <= 0) return arrivals;
  std::mt19937 random(plan.seed);
  std::exponential_distribution<double> gap(plan.rate);
  for (double at = gap(random); at < Seconds(plan.length); at += gap(random))
    arrivals.push_back(std::chrono::nanoseconds(static_cast<std::int64_t>(at * 1e9)));
  return arrivals;
}

class Run {
 public:
  explicit Run(const Plan& plan) : plan_(plan), arrivals_(DrawArrivals(plan)), start_(Now()) {}

  // For one thread.
  void Visit(Client& client, Tally& tally) {
    if (plan_.rate <= 0) {
      for (Time now = start_; now < start_ + plan_.length; now = Now()) client.Visit(now, tally);
      return;
    }
    for (std::size_t i = next_++; i < arrivals_.size(); i = next_++) {
      const Time planned = start_ + arrivals_[i];
      std::this_thread::sleep_until(planned);  // the schedule of the client, not a wait for the server
      client.Visit(planned, tally);
    }
  }

  [[nodiscard]] double Passed() const { return Seconds(Now() - start_); }

 private:
  const Plan& plan_;
  const std::vector<Duration> arrivals_;
  const Time start_;
  std::atomic<std::size_t> next_ = 0;
};

// ---- the command line ----

std::optional<Plan> ParsePlan(int count, char** arguments) {
  if (count != 8) return std::nullopt;
  const auto clients = ParseNumber<int>(arguments[3]);
  const auto seconds = ParseNumber<int>(arguments[4]);
  const auto rate = ParseNumber<double>(arguments[5]);
  const std::string_view kind = arguments[6];
  const auto seed = ParseNumber<std::uint32_t>(arguments[7]);
  if (!clients || *clients < 1 || !seconds || *seconds < 1 || !rate || *rate < 0 || !seed)
    return std::nullopt;
  if (kind != "full" && kind != "resume") return std::nullopt;
  return Plan{arguments[1], arguments[2],     *clients, std::chrono::seconds(*seconds),
              *rate,        kind == "resume", *seed};
}

double Quantile(const std::vector<Duration>& ascending, double share) {
  if (ascending.empty()) return 0;
  const auto index = static_cast<std::size_t>(share * static_cast<double>(ascending.size()));
  return Seconds(ascending[std::min(index, ascending.size() - 1)]) * 1e3;
}

void Print(Tally& sum, double seconds) {
  std::sort(sum.took.begin(), sum.took.end());
  fmt::print(R"(bench {{"requests": {}, "seconds": {:.6f}, "bytes": {}, "p50": {:.4f}, "p99": {:.4f}, )"
             R"("p999": {:.4f}, "connect": {}, "handshake": {}, "read": {}, "status": {}, "kind": {}}})"
             "\n",
             sum.took.size(), seconds, sum.bytes, Quantile(sum.took, 0.5), Quantile(sum.took, 0.99),
             Quantile(sum.took, 0.999), sum.connect, sum.handshake, sum.read, sum.status, sum.kind);
}

int Main(int argc, char** argv) {
  const auto plan = ParsePlan(argc, argv);
  if (!plan) {
    fmt::print(stderr, "usage: handshake_load ADDRESS PATH CLIENTS SECONDS RATE full|resume SEED\n");
    return kWrongCommandLine;
  }
  std::signal(SIGPIPE, SIG_IGN);  // SSL_write to a server that has left
  const Owned<SSL_CTX> context(SSL_CTX_new(TLS_client_method()));
  if (context == nullptr) {
    fmt::print(stderr, "handshake_load: libssl has no memory\n");
    return 1;
  }
  // Each client has a session of its own; the library's list of all would be a lock between the threads.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  std::vector<Tally> tallies(static_cast<std::size_t>(plan->clients));
  Run run(*plan);
  std::vector<std::thread> threads;
  for (Tally& tally : tallies) {
    threads.emplace_back([&] {
      Client client(*plan, *context);
      run.Visit(client, tally);
    });
  }
  for (std::thread& thread : threads) thread.join();
  const double seconds = run.Passed();
  Tally sum;
  for (const Tally& tally : tallies) sum.Add(tally);
  Print(sum, seconds);
  return 0;
}

}  // namespace
}  // namespace preforkd::benchmark

int main(int argc, char** argv) { return preforkd::benchmark::Main(argc, argv); }
