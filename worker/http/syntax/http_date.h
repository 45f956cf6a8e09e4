// http_date: formats and parses HTTP dates. Pure: the caller passes the time.
#ifndef PREFORKD_WORKER_HTTP_SYNTAX_HTTP_DATE_H_
#define PREFORKD_WORKER_HTTP_SYNTAX_HTTP_DATE_H_

#include <array>
#include <ctime>
#include <optional>
#include <string_view>

namespace preforkd::http {

inline constexpr std::size_t kDateSize = 29;
using DateText = std::array<char, kDateSize>;

// "Sun, 06 Nov 1994 08:49:37 GMT" (IMF-fixdate). Times outside the years 0 to 9999 are clamped.
DateText FormatDate(std::time_t time);

// Parses any of the three formats that a recipient must accept (RFC 9110 section 5.6.7). nullopt: not a date;
// a recipient ignores it. `now` determines the century of a two-digit year.
std::optional<std::time_t> ParseDate(std::string_view text, std::time_t now);

// The text of the current second, formatted once per second.
class DateCache {
 public:
  std::string_view At(std::time_t now) {
    if (now != second_) {
      text_ = FormatDate(now);
      second_ = now;
    }
    return {text_.data(), text_.size()};
  }

 private:
  std::time_t second_ = -1;
  DateText text_{};
};

}  // namespace preforkd::http

#endif
