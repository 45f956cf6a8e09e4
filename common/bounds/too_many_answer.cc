#include "common/bounds/too_many_answer.h"

#include <fmt/format.h>

#include <array>
#include <ctime>
#include <string_view>

namespace preforkd {
namespace {

constexpr std::string_view kText = "Too many connections from your address.\n";

// RFC 9110 section 5.6.7. The names are those of the C locale, which the program never leaves.
std::string HttpDate() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  std::array<char, 64> text{};
  const std::size_t size =
      std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", ::gmtime_r(&now, &parts));
  return {text.data(), size};
}

}  // namespace

std::string TooManyAnswer(Duration retry_after) {
  return fmt::format(
      "HTTP/1.1 429 Too Many Requests\r\nDate: {}\r\nRetry-After: {}\r\nContent-Type: text/plain\r\n"
      "Content-Length: {}\r\nConnection: close\r\n\r\n{}",
      HttpDate(), std::chrono::ceil<std::chrono::seconds>(retry_after).count(), kText.size(), kText);
}

}  // namespace preforkd
