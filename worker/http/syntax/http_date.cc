#include "worker/http/syntax/http_date.h"

#include <algorithm>
#include <cstring>

#include "worker/http/syntax/syntax.h"

namespace preforkd::http {
namespace {

constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 7> kLongDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void PutNumber(char* at, int value, int digits) {
  for (int i = digits - 1; i >= 0; --i, value /= 10) at[i] = static_cast<char>('0' + value % 10);
}

// Reads a date from its front, part by part. After the first mismatch it has failed for good.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  void Literal(std::string_view literal) {
    if (!text_.starts_with(literal)) return Fail();
    text_.remove_prefix(literal.size());
  }
  // Reads exactly `digits` digits. If `padded`, the first may be a space.
  int Number(std::size_t digits, bool padded = false) {
    int value = 0;
    if (text_.size() < digits) Fail();
    for (std::size_t i = 0; i < digits && ok_; ++i) {
      const char c = text_[i];
      if (padded && i == 0 && c == ' ') continue;
      if (!IsDigit(c)) Fail();
      value = value * 10 + (c - '0');
    }
    if (ok_) text_.remove_prefix(digits);
    return value;
  }
  template <std::size_t kSize>
  int OneOf(const std::array<std::string_view, kSize>& words) {
    for (std::size_t i = 0; i < kSize; ++i) {
      if (!text_.starts_with(words[i])) continue;
      text_.remove_prefix(words[i].size());
      return static_cast<int>(i);
    }
    Fail();
    return 0;
  }
  void Clock(std::tm& parts) {
    parts.tm_hour = Number(2);
    Literal(":");
    parts.tm_min = Number(2);
    Literal(":");
    parts.tm_sec = Number(2);
  }
  [[nodiscard]] bool AtEnd() const { return ok_ && text_.empty(); }

 private:
  void Fail() { ok_ = false; }
  std::string_view text_;
  bool ok_ = true;
};

// "Sun, 06 Nov 1994 08:49:37 GMT"
bool ReadFixdate(std::string_view text, std::tm& parts) {
  Reader reader(text);
  reader.OneOf(kDays);
  reader.Literal(", ");
  parts.tm_mday = reader.Number(2);
  reader.Literal(" ");
  parts.tm_mon = reader.OneOf(kMonths);
  reader.Literal(" ");
  parts.tm_year = reader.Number(4) - 1900;
  reader.Literal(" ");
  reader.Clock(parts);
  reader.Literal(" GMT");
  return reader.AtEnd();
}

// "Sunday, 06-Nov-94 08:49:37 GMT": a year more than 50 years ahead belongs to the past century.
bool ReadRfc850(std::string_view text, std::time_t now, std::tm& parts) {
  Reader reader(text);
  reader.OneOf(kLongDays);
  reader.Literal(", ");
  parts.tm_mday = reader.Number(2);
  reader.Literal("-");
  parts.tm_mon = reader.OneOf(kMonths);
  reader.Literal("-");
  const int year = reader.Number(2);
  reader.Literal(" ");
  reader.Clock(parts);
  reader.Literal(" GMT");
  std::tm today{};
  ::gmtime_r(&now, &today);
  parts.tm_year = today.tm_year / 100 * 100 + year;
  if (parts.tm_year > today.tm_year + 50) parts.tm_year -= 100;
  return reader.AtEnd();
}

// "Sun Nov  6 08:49:37 1994"
bool ReadAsctime(std::string_view text, std::tm& parts) {
  Reader reader(text);
  reader.OneOf(kDays);
  reader.Literal(" ");
  parts.tm_mon = reader.OneOf(kMonths);
  reader.Literal(" ");
  parts.tm_mday = reader.Number(2, true);
  reader.Literal(" ");
  reader.Clock(parts);
  reader.Literal(" ");
  parts.tm_year = reader.Number(4) - 1900;
  return reader.AtEnd();
}

bool InRange(const std::tm& parts) {
  return parts.tm_mday >= 1 && parts.tm_mday <= 31 && parts.tm_hour <= 23 && parts.tm_min <= 59 &&
         parts.tm_sec <= 60;
}

}  // namespace

DateText FormatDate(std::time_t time) {
  constexpr std::time_t kYear0 = -62167219200;
  constexpr std::time_t kYear9999 = 253402300799;
  time = std::clamp(time, kYear0, kYear9999);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  DateText text;
  std::memcpy(text.data(), "Day, 00 Mon 0000 00:00:00 GMT", kDateSize);
  std::memcpy(text.data(), kDays[static_cast<std::size_t>(parts.tm_wday)].data(), 3);
  PutNumber(text.data() + 5, parts.tm_mday, 2);
  std::memcpy(text.data() + 8, kMonths[static_cast<std::size_t>(parts.tm_mon)].data(), 3);
  PutNumber(text.data() + 12, parts.tm_year + 1900, 4);
  PutNumber(text.data() + 17, parts.tm_hour, 2);
  PutNumber(text.data() + 20, parts.tm_min, 2);
  PutNumber(text.data() + 23, parts.tm_sec, 2);
  return text;
}

std::optional<std::time_t> ParseDate(std::string_view text, std::time_t now) {
  std::tm parts{};
  if (!ReadFixdate(text, parts)) {
    parts = {};
    if (!ReadRfc850(text, now, parts)) {
      parts = {};
      if (!ReadAsctime(text, parts)) return std::nullopt;
    }
  }
  if (!InRange(parts)) return std::nullopt;
  return ::timegm(&parts);
}

}  // namespace preforkd::http
