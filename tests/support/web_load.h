// WebLoad: requests at random times (Poisson) with a given rate, in the background, while a test does
// something to the server. Half of them use kept connections, the others a new one each.
//
// There are no retries: a request without its complete, right answer has failed, and is counted by its
// reason. Runs threads. Start a DaemonProcess before it; while it runs, only start programs by fork and exec.
#ifndef PREFORKD_TESTS_SUPPORT_WEB_LOAD_H_
#define PREFORKD_TESTS_SUPPORT_WEB_LOAD_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "common/base/clock.h"
#include "tests/support/http_client.h"

namespace preforkd::testing {

struct WebLoadPlan {
  std::string address;
  std::string target;  // "/file"
  std::string body;    // the right answer
  double per_second = 2000;
  int clients = 64;  // the most that may wait for an answer at once
};

struct WebLoadResult {
  std::vector<Duration> answered;  // from the planned time to the end of the answer, ascending
  std::map<std::string, std::uint64_t> failed;
  Duration length{0};

  // The time within which that share of the answers came; 1: the slowest. 0 without answers.
  [[nodiscard]] Duration Quantile(double share) const;
  [[nodiscard]] std::string Text() const;
};

class WebLoad {
 public:
  explicit WebLoad(WebLoadPlan plan);
  WebLoad(const WebLoad&) = delete;
  WebLoad& operator=(const WebLoad&) = delete;
  ~WebLoad() { (void)Stop(); }

  // Answered so far.
  [[nodiscard]] std::uint64_t Answered() const { return answered_; }
  // Sends no more requests and waits for the answers to those in progress.
  WebLoadResult Stop();

 private:
  struct Client {
    std::optional<HttpClient> kept;
    WebLoadResult result;
  };

  void Run(Client& client, bool keeps);
  // When the next request is due, which the caller sends; nullopt when there are no more.
  std::optional<Time> TakeArrival();
  // Empty, or why the request failed.
  std::string AskOnce(Client& client, bool keeps) const;

  WebLoadPlan plan_;
  Time start_ = Now();
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> answered_{0};
  std::mutex mutex_;  // protects the two below
  std::mt19937 random_{1};
  Time next_ = start_;
  std::vector<Client> clients_;
  std::vector<std::thread> threads_;
};

}  // namespace preforkd::testing

#endif
