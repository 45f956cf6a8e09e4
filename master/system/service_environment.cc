#include "master/system/service_environment.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <string_view>

#include "common/base/log.h"
#include "common/base/sys_error.h"
#include "common/text/quote.h"
#include "master/system/wiped_variable.h"

namespace preforkd {
namespace {

// SD_LISTEN_FDS_START, the first passed descriptor.
constexpr int kFirstPassedFd = 3;
// The name of a socket that the manager did not name (sd_listen_fds_with_names(3)).
constexpr const char* kUnnamed = "unknown";

template <typename Number>
std::optional<Number> Parse(const std::optional<std::string>& text) {
  Number number{};
  if (!text) return std::nullopt;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return number;
}

// Takes the variable that holds the pid the others are meant for. `by_default`: the result if it is not set.
bool IsForUs(const char* variable, bool by_default) {
  const std::optional<std::string> pid = TakeVariable(variable);
  return pid ? Parse<pid_t>(pid) == ::getpid() : by_default;
}

std::optional<Duration> TakeWatchdog() {
  const bool ours = IsForUs("WATCHDOG_PID", true);
  const std::optional<std::string> text = TakeVariable("WATCHDOG_USEC");
  if (!ours || !text) return std::nullopt;
  const auto microseconds = Parse<std::int64_t>(text);
  if (microseconds && *microseconds > 0) return std::chrono::microseconds(*microseconds);
  log::Warning({log::kEnvironmentInvalid, {{"variable", "WATCHDOG_USEC"}}},
               "WATCHDOG_USEC: {} is not a number of microseconds; watchdog disabled", Quoted(*text));
  return std::nullopt;
}

std::vector<std::string> SplitNames(std::string_view list) {
  std::vector<std::string> names;
  for (std::size_t colon = list.find(':'); colon != std::string_view::npos; colon = list.find(':')) {
    names.emplace_back(list.substr(0, colon));
    list.remove_prefix(colon + 1);
  }
  names.emplace_back(list);
  return names;
}

std::vector<ActivationSocket> TakeSockets() {
  const bool ours = IsForUs("LISTEN_PID", false);
  const std::optional<std::string> count_text = TakeVariable("LISTEN_FDS");
  const std::optional<std::string> names_text = TakeVariable("LISTEN_FDNAMES");
  std::vector<ActivationSocket> sockets;
  if (!ours || !count_text) return sockets;
  const auto count = Parse<std::uint16_t>(count_text);
  if (!count) {
    log::Warning({log::kEnvironmentInvalid, {{"variable", "LISTEN_FDS"}}},
                 "LISTEN_FDS: {} is not a number of sockets; none is used", Quoted(*count_text));
    return sockets;
  }
  const std::vector<std::string> names = SplitNames(names_text.value_or(""));
  for (std::size_t i = 0; i < *count; ++i) {
    const int number = kFirstPassedFd + static_cast<int>(i);
    if (::fcntl(number, F_SETFD, FD_CLOEXEC) < 0) {
      log::Warning({log::kEnvironmentInvalid, {{"variable", "LISTEN_FDS"}}}, "LISTEN_FDS is {}, but {}",
                   *count, SysErrorOf(errno, "fcntl", std::to_string(number)).text);
      break;
    }
    const bool named = names_text && i < names.size() && !names[i].empty();
    sockets.push_back({named ? names[i] : kUnnamed, UniqueFd(number)});
  }
  return sockets;
}

}  // namespace

ServiceEnvironment TakeServiceEnvironment() {
  ServiceEnvironment environment;
  environment.notify_socket = TakeVariable("NOTIFY_SOCKET").value_or("");
  environment.watchdog = TakeWatchdog();
  environment.sockets = TakeSockets();
  return environment;
}

}  // namespace preforkd
