#include "tests/fault/fault_service.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "tests/fault/system_calls.h"

namespace preforkd::testing {
namespace {

void BlockFor(std::uint64_t milliseconds) {
  timespec rest{static_cast<time_t>(milliseconds / 1000), static_cast<long>(milliseconds % 1000) * 1'000'000};
  while (::nanosleep(&rest, &rest) < 0 && errno == EINTR) {
  }
}

void SpinFor(std::uint64_t milliseconds) {
  const Time end = Now() + std::chrono::milliseconds(milliseconds);
  while (Now() < end) {
  }
}

// Undefined on purpose: a sanitizer would report it and end the process in its own way.
[[noreturn, gnu::no_sanitize("undefined")]] void Crash() {
  volatile int* nowhere = nullptr;
  *nowhere = 1;  // NOLINT: the purpose of the command
  std::abort();
}

// Kept until the process ends.
std::vector<std::vector<char>>& Hoard() {
  static std::vector<std::vector<char>> hoard;
  return hoard;
}

void Grow(std::uint64_t megabytes) { Hoard().emplace_back(megabytes << 20, '\1'); }

class FaultSession : public Session {
 public:
  FaultSession(Connection& connection, bool ignore_retire)
      : connection_(connection), ignore_retire_(ignore_retire) {}

  void OnReady(Interest) override {
    for (;;) {
      const IoResult received = connection_.Receive(connection_.Env().in);
      if (received.kind == IoResult::Kind::kAgain) return connection_.Await(Interest::kRead);
      if (!received.Done()) return connection_.Close();
      input_.append(connection_.Env().in.data(), received.size);
      if (!ObeyAll()) return;
    }
  }

  void OnTimeout() override {}

  // Between two commands there is nothing to finish.
  void OnRetire() override {
    if (!ignore_retire_) connection_.Close();
  }

 private:
  // False if the connection was closed.
  bool ObeyAll() {
    for (std::size_t end = input_.find('\n'); end != std::string::npos; end = input_.find('\n')) {
      const std::string line = input_.substr(0, end);
      input_.erase(0, end + 1);
      connection_.CountRequest();
      connection_.Doing(fmt::format("fault: {}", line));
      Obey(line);
      if (connection_.Closing()) return false;
    }
    return true;
  }

  void Obey(const std::string& line) {
    const std::string_view command = std::string_view(line).substr(0, line.find(' '));
    const std::uint64_t number =
        command.size() < line.size() ? std::strtoull(line.c_str() + command.size(), nullptr, 10) : 0;
    if (command == "hello")
      return Answer(fmt::format("hello {} {}", Raw(connection_.Env().id.slot), ::getpid()));
    if (command == "call") return Answer(TrySystemCall(std::string_view(line).substr(command.size() + 1)));
    if (command == "row")
      return Answer(TryRow(connection_.Env().scoreboard.Row(Slot{static_cast<std::uint32_t>(number)})));
    if (command == "pid") return Answer(fmt::format("{}", ::getpid()));
    if (command == "crash") Crash();
    if (command == "abort") std::abort();
    if (command == "exit") ::_exit(static_cast<int>(number));
    if (command == "throw") throw std::runtime_error("told to throw");
    if (command == "sleep") {
      BlockFor(number);
    } else if (command == "spin") {
      SpinFor(number);
    } else if (command == "grow") {
      Grow(number);
    } else {
      return Answer("what?");
    }
    Answer("done");
  }

  // A line is short and a client reads it: a socket that does not accept it is broken.
  void Answer(const std::string& text) {
    const std::string line = text + "\n";
    const IoResult sent = connection_.Send(line);
    if (!sent.Done() || sent.size != line.size()) connection_.Close();
  }

  Connection& connection_;
  bool ignore_retire_;
  std::string input_;
};

class FaultService : public Service {
 public:
  explicit FaultService(bool ignore_retire) : ignore_retire_(ignore_retire) {}

  std::unique_ptr<Session> Open(Connection& connection, Luggage) override {
    return std::make_unique<FaultSession>(connection, ignore_retire_);
  }

 private:
  bool ignore_retire_;
};

// True if the option names this slot.
bool Concerns(const ServiceConfig& config, const std::string& option, Slot slot) {
  const std::string& named = config.settings.Text(option);
  return named == "all" || named == fmt::format("{}", Raw(slot));
}

Result<std::unique_ptr<Service>> MakeFaultService(const ServiceConfig& config, WorkerEnv& env) {
  if (Concerns(config, "crash_at_start", env.id.slot)) ::_exit(1);
  while (Concerns(config, "hang_at_start", env.id.slot)) ::pause();
  return std::unique_ptr<Service>(std::make_unique<FaultService>(config.settings.Flag("ignore_retire")));
}

}  // namespace

ServiceType FaultServiceType() {
  return {
      MakeFaultService,
      false,
      CallSets{},
      {{.name = "crash_at_start", .doc = "a slot, or all"},
       {.name = "hang_at_start", .doc = "a slot, or all"},
       {.name = "ignore_retire", .kind = SettingKind::kFlag, .fallback = "false", .doc = "never leaves"}}};
}

}  // namespace preforkd::testing
