// Load: clients in the background that open one short connection after the other while a test does something
// to the server. It counts the outcomes; the test judges them.
//
// Runs threads. Start a DaemonProcess before it, not while it runs.
#ifndef PREFORKD_TESTS_SUPPORT_LOAD_H_
#define PREFORKD_TESTS_SUPPORT_LOAD_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace preforkd::testing {

// One connection: the request, and the check of its answer.
enum class LoadKind { kEcho, kHttp };

struct LoadResult {
  std::uint64_t ok = 0;
  std::uint64_t not_connected = 0;
  std::uint64_t reset = 0;      // while sending or waiting for the answer
  std::uint64_t cut_short = 0;  // end of file before the whole answer
  std::uint64_t timed_out = 0;
  std::uint64_t wrong = 0;  // an answer, but not the right one
  std::string first_error;  // of the first client that could not connect

  [[nodiscard]] std::uint64_t Failed() const { return not_connected + reset + cut_short + timed_out + wrong; }
  [[nodiscard]] std::string Text() const;
};

class Load {
 public:
  // Starts `threads` clients of `address`.
  Load(LoadKind kind, std::string address, int threads);
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  ~Load() { (void)Stop(); }

  // Successes so far.
  [[nodiscard]] std::uint64_t Ok() const { return ok_; }
  // Every client finishes its connection. The totals of all of them.
  LoadResult Stop();

 private:
  void Run(LoadResult& result);
  void EchoOnce(LoadResult& result);
  void HttpOnce(LoadResult& result);

  LoadKind kind_;
  std::string address_;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> ok_{0};
  std::vector<LoadResult> results_;  // one for each thread
  std::vector<std::thread> threads_;
};

}  // namespace preforkd::testing

#endif
