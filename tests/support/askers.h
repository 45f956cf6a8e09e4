// Askers: clients that each ask again and again on one kept connection, and connect again when they were cut
// off. What was answered, and how, is counted for each request.
#ifndef PREFORKD_TESTS_SUPPORT_ASKERS_H_
#define PREFORKD_TESTS_SUPPORT_ASKERS_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace preforkd::testing {

class Askers {
 public:
  struct Outcome {
    std::uint64_t cut = 0;                // no answer, or not a whole one
    std::map<int, std::uint64_t> others;  // answers of another status; 0: it could not connect
    std::set<std::string> done;           // "CLIENT.N"
  };
  // The request number `n` of client `client`.
  using Request = std::function<std::string(int client, int n)>;

  // `status`: that of the right answer.
  Askers(std::string address, int count, int status, Request request);
  Askers(const Askers&) = delete;
  Askers& operator=(const Askers&) = delete;
  ~Askers() { (void)Stop(); }

  // Right answers so far, and the others.
  [[nodiscard]] std::uint64_t Answered() const { return answered_; }
  [[nodiscard]] std::uint64_t Refused() const { return refused_; }
  // Waits for so many more right answers.
  [[nodiscard]] bool AwaitAnswers(std::uint64_t more) const;
  Outcome Stop();

 private:
  void Run(int client);

  std::string address_;
  int status_;
  Request request_;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> answered_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::vector<Outcome> outcomes_;
  std::vector<std::thread> threads_;
};

}  // namespace preforkd::testing

#endif
