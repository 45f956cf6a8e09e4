// The three forms of a date.
#include "worker/http/syntax/http_date.h"

#include <doctest/doctest.h>

#include <string>

namespace preforkd::testing {
using namespace http;  // NOLINT: the syntax under test
namespace {

constexpr std::time_t kExample = 784111777;  // the date of the RFC
constexpr std::time_t kToday = 1700000000;   // 2023

std::string Text(std::time_t time) {
  const DateText text = FormatDate(time);
  return {text.data(), text.size()};
}

TEST_CASE("written") {
  CHECK(Text(kExample) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(Text(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(Text(951782400) == "Tue, 29 Feb 2000 00:00:00 GMT");
  CHECK(Text(std::time_t{1} << 60) == "Fri, 31 Dec 9999 23:59:59 GMT");
}

TEST_CASE("read") {
  CHECK(ParseDate("Sun, 06 Nov 1994 08:49:37 GMT", kToday) == kExample);
  CHECK(ParseDate("Sunday, 06-Nov-94 08:49:37 GMT", kToday) == kExample);
  CHECK(ParseDate("Sun Nov  6 08:49:37 1994", kToday) == kExample);
  CHECK(ParseDate("Sun Nov 16 08:49:37 1994", kToday) == kExample + 10 * 86400);
  CHECK(ParseDate("Friday, 01-Jan-70 00:00:00 GMT", kToday) ==
        3155760000);  // 2070: not more than 50 years ahead
}

TEST_CASE("invalid dates") {
  for (const char* text : {"", "yesterday", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 GMTx",
                           "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT", "784111777",
                           "Sun, 06 Nov 94 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT"}) {
    CAPTURE(text);
    CHECK_FALSE(ParseDate(text, kToday));
  }
}

TEST_CASE("the cache changes with each second") {
  DateCache cache;
  CHECK(cache.At(kExample) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(cache.At(kExample + 1) == "Sun, 06 Nov 1994 08:49:38 GMT");
}

}  // namespace
}  // namespace preforkd::testing
