#include "tests/fault/notes_service.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

#include "common/event/timer.h"

namespace preforkd::testing {
namespace {

constexpr Duration kIdleTimeout = std::chrono::minutes(5);

class NotesSession : public Session {
 public:
  NotesSession(Connection& connection, Luggage luggage)
      : connection_(connection),
        input_(std::move(luggage.unread)),
        notes_(std::move(luggage.context)),
        own_timer_(connection.Env().loop, EventLoop::kPriorityClient,
                   [this] { connection_.Call([this] { OnOwnTimer(); }); }) {}

  void OnReady(Interest) override {
    const IoResult received = connection_.Receive(connection_.Env().in);
    if (received.kind == IoResult::Kind::kEnd || received.kind == IoResult::Kind::kError)
      return connection_.Close();
    if (received.Done()) input_.append(connection_.Env().in.data(), received.size);
    ObeyAll();
    if (connection_.Closing()) return;
    connection_.Await(Interest::kRead);
    connection_.SetIdleTimeout(kIdleTimeout);
  }

  void OnTimeout() override { connection_.Close(); }
  void OnRetire() override {
    if (!has_work_) return;
    Answer("worked");
    connection_.Close();
  }

  [[nodiscard]] Duration Lag(Time) const override {
    if (broken_ == "lag") throw std::runtime_error("told to throw in lag");
    return Duration(0);
  }

  [[nodiscard]] const char* TravelRefusal() const override {
    if (broken_ == "refusal") throw std::runtime_error("told to throw in refusal");
    return nullptr;
  }

  [[nodiscard]] Luggage Pack() const override {
    if (broken_ == "pack") throw std::runtime_error("told to throw in pack");
    Luggage luggage;
    luggage.unread = input_;
    luggage.context = notes_;
    luggage.idle_left = kIdleTimeout;
    luggage.wake = has_work_;
    return luggage;
  }

 private:
  void ObeyAll() {
    for (std::size_t end = input_.find('\n'); end != std::string::npos; end = input_.find('\n')) {
      const std::string line = input_.substr(0, end);
      input_.erase(0, end + 1);
      connection_.CountRequest();
      Obey(line);
      if (connection_.Closing()) return;
    }
  }

  void Obey(const std::string& line) {
    constexpr std::string_view kFromTimer = " from a timer";
    if (line.starts_with("keep ")) {
      notes_.append(std::strtoull(line.c_str() + 5, nullptr, 10), 'x');
    } else if (line == "work") {
      has_work_ = true;
      return Answer("done");
    } else if (line.starts_with("throw in ")) {
      broken_ = line.substr(9);
      return Answer("done");
    } else if (line.ends_with(kFromTimer)) {
      order_ = line.substr(0, line.size() - kFromTimer.size());
      return own_timer_.SetAfter(Duration(0));
    } else if (line == "pid") {
      return Answer(fmt::format("{}", ::getpid()));
    } else if (line != "count") {
      return Answer("what?");
    }
    Answer(fmt::format("kept {}", notes_.size()));
  }

  void OnOwnTimer() {
    if (order_ == "close") connection_.Close();
    if (order_ == "travel") connection_.Travel();
    if (order_ == "throw") throw std::runtime_error("told to throw from a timer");
  }

  // A line is short and a client reads it: a socket that does not accept it is broken.
  void Answer(const std::string& text) {
    const std::string line = text + "\n";
    const IoResult sent = connection_.Send(line);
    if (!sent.Done() || sent.size != line.size()) connection_.Close();
  }

  Connection& connection_;
  std::string input_;
  std::string notes_;
  std::string broken_;  // the function that throws
  std::string order_;   // what the timer will do
  bool has_work_ = false;
  Timer own_timer_;
};

class NotesService : public Service {
 public:
  std::unique_ptr<Session> Open(Connection& connection, Luggage luggage) override {
    return std::make_unique<NotesSession>(connection, std::move(luggage));
  }
};

}  // namespace

ServiceType NotesServiceType() {
  return {[](const ServiceConfig&, WorkerEnv&) -> Result<std::unique_ptr<Service>> {
            return std::unique_ptr<Service>(std::make_unique<NotesService>());
          },
          true};
}

}  // namespace preforkd::testing
