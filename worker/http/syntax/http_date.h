// http_date: the dates of HTTP. Pure, but for DateCache, which is told the time.
#ifndef PREFORKD_WORKER_HTTP_SYNTAX_HTTP_DATE_H_
#define PREFORKD_WORKER_HTTP_SYNTAX_HTTP_DATE_H_

#include <array>
#include <ctime>
#include <optional>
#include <string_view>

namespace preforkd::http {

inline constexpr std::size_t kDateSize = 29;
using DateText = std::array<char, kDateSize>;

// "Sun, 06 Nov 1994 08:49:37 GMT" (IMF-fixdate). Years 0 to 9999; a time outside becomes the nearest of
// these.
DateText FormatDate(std::time_t time);

// Any of the three forms that a recipient must understand (RFC 9110 section 5.6.7); nullopt for what is no
// date, which a recipient ignores. `now` decides the century of a two-digit year.
std::optional<std::time_t> ParseDate(std::string_view text, std::time_t now);

// The text of the second at hand, formatted once a second.
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
