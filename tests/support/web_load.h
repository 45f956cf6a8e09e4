// WebLoad: requests that come when they come (Poisson), at so many a second, in the background, while a test
// does something to who answers them. Half of them on connections that are kept, half on a new one each.
//
// Nobody asks twice: a request without its whole, right answer has failed, and is counted by why.
// Runs threads. Start a DaemonProcess before it, or while it runs only by exec of what is there already (fork
// and exec).
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
  int clients = 64;  // that may wait for an answer at once
};

struct WebLoadResult {
  std::vector<Duration> answered;  // from the planned moment to the end of the answer, ascending
  std::map<std::string, std::uint64_t> failed;
  Duration length{0};

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
  // Nobody comes any more, and who waits is waited for.
  WebLoadResult Stop();

 private:
  struct Client {
    std::optional<HttpClient> kept;
    WebLoadResult result;
  };

  void Run(Client& client, bool keeps);
  // When the next request is due, which the caller makes; nullopt when there is none any more.
  std::optional<Time> TakeArrival();
  // Empty, or why it has failed.
  std::string AskOnce(Client& client, bool keeps) const;

  WebLoadPlan plan_;
  Time start_ = Now();
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> answered_{0};
  std::mutex mutex_;  // of the two below
  std::mt19937 random_{1};
  Time next_ = start_;
  std::vector<Client> clients_;
  std::vector<std::thread> threads_;
};

}  // namespace preforkd::testing

#endif
