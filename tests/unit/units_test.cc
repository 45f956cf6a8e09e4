// Durations and sizes as people write them.
#include "common/units/units.h"

#include <doctest/doctest.h>

#include <limits>
#include <random>
#include <string>

namespace preforkd::testing {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST_CASE("durations are read") {
  CHECK(ParseDuration("0").Value() == Duration::zero());
  CHECK(ParseDuration("0s").Value() == Duration::zero());
  CHECK(ParseDuration("7ns").Value() == Duration(7));
  CHECK(ParseDuration("10us").Value() == microseconds(10));
  CHECK(ParseDuration("250ms").Value() == milliseconds(250));
  CHECK(ParseDuration("30s").Value() == seconds(30));
  CHECK(ParseDuration("5m").Value() == minutes(5));
  CHECK(ParseDuration("1h").Value() == hours(1));
}

TEST_CASE("sizes are read") {
  CHECK(ParseSize("0").Value() == 0);
  CHECK(ParseSize("4096").Value() == 4096);
  CHECK(ParseSize("64KiB").Value() == 65536);
  CHECK(ParseSize("10MB").Value() == 10'000'000);
  CHECK(ParseSize("512MiB").Value() == std::uint64_t{512} << 20);
  CHECK(ParseSize("1GiB").Value() == std::uint64_t{1} << 30);
  CHECK(ParseSize("3TB").Value() == 3'000'000'000'000);
}

TEST_CASE("anything else is refused") {
  for (const char* text :
       {"", " ", "5", "s", "-1s", "+1s", "1.5s", "1 s", " 1s", "1s ", "1S", "1sec", "1h30m", "0x1s", "1ms1",
        "99999999999999999999s", "9223372036854775808ns", "2562048h"}) {
    CAPTURE(text);
    CHECK_FALSE(ParseDuration(text).Ok());
  }
  for (const char* text : {"", "KiB", "-1", "1.5MiB", "1 MiB", "1kib", "1K", "64KiBs", "16777216TiB",
                           "18446744073709551616", "18446744073709551615KB"}) {
    CAPTURE(text);
    CHECK_FALSE(ParseSize(text).Ok());
  }
  for (const char* text : {"", "-1", "1x", " 1", "1.0", "18446744073709551616"}) {
    CAPTURE(text);
    CHECK_FALSE(ParseNumber(text).Ok());
  }
}

TEST_CASE("an error shows the text and what would be right") {
  CHECK(ParseDuration("5 m").Err().text.find("'5 m' is not understood; write a number and a unit") == 0);
  CHECK(ParseSize("64K").Err().text.find("\"64KiB\"") != std::string::npos);
  CHECK(ParseDuration("2562048h").Err().text == "'2562048h' is too large");
}

TEST_CASE("the largest that fits is read, one more is not") {
  CHECK(ParseDuration("9223372036854775807ns").Value() == Duration::max());
  CHECK(ParseSize("18446744073709551615").Value() == std::numeric_limits<std::uint64_t>::max());
  CHECK(ParseSize("16777215TiB").Ok());
  CHECK(ParseNumber("18446744073709551615").Value() == std::numeric_limits<std::uint64_t>::max());
}

TEST_CASE("the largest unit without a remainder is written") {
  CHECK(FormatDuration(Duration::zero()) == "0");
  CHECK(FormatDuration(milliseconds(1500)) == "1500ms");
  CHECK(FormatDuration(seconds(60)) == "1m");
  CHECK(FormatDuration(hours(24)) == "24h");
  CHECK(FormatSize(0) == "0");
  CHECK(FormatSize(65536) == "64KiB");
  CHECK(FormatSize(10'000'000) == "10MB");
  CHECK(FormatSize(1001) == "1001");
}

TEST_CASE("what is written is read back") {
  std::mt19937_64 random(20240601);
  for (int i = 0; i < 10000; ++i) {
    // All magnitudes alike, and many that end in zeros.
    std::uint64_t number = random() >> (random() % 64);
    if (i % 2 == 0) number -= number % 1000;
    CAPTURE(number);
    REQUIRE(ParseSize(FormatSize(number)).Value() == number);
    const Duration duration(static_cast<Duration::rep>(number >> 1));
    REQUIRE(ParseDuration(FormatDuration(duration)).Value() == duration);
  }
}

}  // namespace
}  // namespace preforkd::testing
