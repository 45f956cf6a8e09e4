#include "master/policy/notices.h"

#include <doctest/doctest.h>

#include <random>
#include <vector>

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Time kStart = Time(seconds(1000));

Notices::Reading Beating(std::uint32_t beating, std::uint32_t wanted) { return {wanted, beating, 7}; }

// A server that serves since kStart.
Notices Serving(std::optional<Duration> watchdog = std::nullopt) {
  Notices notices(watchdog, kStart);
  (void)notices.Serving("serving");
  return notices;
}

bool Contains(const std::string& text, std::string_view line) { return text.find(line) != std::string::npos; }

}  // namespace

TEST_CASE("a start, a reload, a refused one, a stop: the datagrams of each") {
  Notices notices(std::nullopt, kStart);
  CHECK(notices.Serving("serving: generation 1") == "READY=1\nSTATUS=serving: generation 1\n");
  CHECK(notices.Reloading("reloading", Time(milliseconds(12345))) ==
        "RELOADING=1\nMONOTONIC_USEC=12345000\nSTATUS=reloading\n");
  CHECK(notices.ReloadEnded("serving: generation 2") == "READY=1\nSTATUS=serving: generation 2\n");
  (void)notices.Reloading("reloading", kStart);
  CHECK(notices.ReloadEnded("refused: a\nb") == "READY=1\nSTATUS=refused: a\\x0ab\n");
  CHECK(notices.Stopping(kStart + seconds(30), kStart) ==
        "STOPPING=1\nEXTEND_TIMEOUT_USEC=15000000\nSTATUS=stopping\n");
}

TEST_CASE("nothing is sent twice, or out of order") {
  Notices notices(std::nullopt, kStart);
  CHECK(notices.ReloadEnded("x").empty());
  CHECK(notices.Reloading("x", kStart).empty());  // not ready yet
  CHECK_FALSE(notices.Serving("x").empty());
  CHECK(notices.Serving("x").empty());
  CHECK_FALSE(notices.Reloading("x", kStart).empty());
  CHECK(notices.Reloading("x", kStart).empty());
  CHECK_FALSE(notices.Stopping(kStart, kStart).empty());
  CHECK(notices.ReloadEnded("x").empty());  // READY=1 would take the stop back
  CHECK(notices.Stopping(kStart, kStart).empty());
}

TEST_CASE("a long stop extends the timeout while it may last, and reports how many workers it waits for") {
  Notices notices = Serving();
  (void)notices.Stopping(kStart + seconds(12), kStart);
  CHECK(notices.Tick(Beating(2, 2), kStart + seconds(4)).empty());
  CHECK(notices.NextTick() == kStart + seconds(5));
  CHECK(notices.Tick(Beating(2, 2), kStart + seconds(5)) ==
        "EXTEND_TIMEOUT_USEC=15000000\nSTATUS=stopping: 7 connections in progress have 7 s to finish\n");
  CHECK_FALSE(notices.Tick(Beating(0, 2), kStart + seconds(10)).empty());
  CHECK_FALSE(notices.Tick(Beating(0, 2), kStart + seconds(15)).empty());
  // By now it should have ended: a stuck stop gets no more time.
  CHECK(notices.Tick(Beating(0, 2), kStart + seconds(20)).empty());
  CHECK(notices.NextTick() > kStart + seconds(60));
}

TEST_CASE("a long start extends the timeout too; a serving server does not") {
  Notices notices(std::nullopt, kStart);
  CHECK(notices.Tick(Beating(0, 2), kStart + seconds(5)) == "EXTEND_TIMEOUT_USEC=15000000\n");
  (void)notices.Serving("serving");
  CHECK(notices.Tick(Beating(2, 2), kStart + seconds(100)).empty());
}

TEST_CASE("the watchdog is notified at half of its time, from the start") {
  Notices notices(seconds(10), kStart);
  CHECK(notices.NextTick() == kStart);
  CHECK(notices.Tick(Beating(0, 2), kStart) == "WATCHDOG=1\n");
  CHECK(notices.NextTick() == kStart + seconds(5));
  CHECK(notices.Tick(Beating(0, 2), kStart + milliseconds(4999)).empty());
  (void)notices.Serving("serving");
  CHECK(notices.Tick(Beating(2, 2), kStart + seconds(5)) == "WATCHDOG=1\n");
}

TEST_CASE("without a watchdog nothing is sent") {
  Notices notices = Serving();
  CHECK(notices.Tick(Beating(2, 2), kStart + seconds(1000)).empty());
}

TEST_CASE("enough workers need recent heartbeats: half of them, at least one") {
  struct Row {
    std::uint32_t wanted, beating;
    bool answered;
  };
  for (const Row& row :
       {Row{1, 1, true}, Row{1, 0, false}, Row{2, 1, true}, Row{2, 0, false}, Row{3, 1, true},
        Row{4, 2, true}, Row{4, 1, false}, Row{8, 4, true}, Row{8, 3, false}}) {
    CAPTURE(row.wanted);
    CAPTURE(row.beating);
    Notices notices = Serving(seconds(10));
    CHECK((notices.Tick(Beating(row.beating, row.wanted), kStart) == "WATCHDOG=1\n") == row.answered);
    CHECK(notices.Withholding() != row.answered);
    // And sent again at the next tick, when they have heartbeats again.
    CHECK(notices.Tick(Beating(row.wanted, row.wanted), kStart + seconds(5)) == "WATCHDOG=1\n");
    CHECK_FALSE(notices.Withholding());
  }
}

TEST_CASE("the watchdog does not end a stop because its workers exit") {
  Notices notices = Serving(seconds(10));
  (void)notices.Stopping(kStart + seconds(60), kStart);
  for (int i = 0; i < 12; ++i)
    CHECK(Contains(notices.Tick(Beating(0, 2), kStart + seconds(5 * i)), "WATCHDOG=1\n"));
}

TEST_CASE(
    "whatever happens: every RELOADING is followed by READY or STOPPING, and no READY by STOPPING's back") {
  std::mt19937 random(1);
  for (int round = 0; round < 1000; ++round) {
    Notices notices(seconds(4), kStart);
    Time now = kStart;
    bool ready = false;
    bool reloading = false;
    bool stopping = false;
    for (int i = 0; i < 100; ++i) {
      now += milliseconds(random() % 3000);
      std::string text;
      switch (random() % 40) {
        case 0: text = notices.Stopping(now + seconds(10), now); break;
        case 1:
        case 2:
        case 3: text = notices.Serving("s"); break;
        case 4:
        case 5:
        case 6: text = notices.Reloading("s", now); break;
        case 7:
        case 8:
        case 9: text = notices.ReloadEnded("s"); break;
        default:
          text = notices.Tick(Beating(static_cast<std::uint32_t>(random() % 3), 2), now);
          REQUIRE(notices.NextTick() > now);  // or the loop would spin
      }
      REQUIRE((text.empty() || text.back() == '\n'));
      if (text.starts_with("READY=1\n")) {
        REQUIRE((!stopping && (!ready || reloading)));
        ready = true;
        reloading = false;
      }
      if (text.starts_with("RELOADING=1\n")) {
        REQUIRE((ready && !reloading && !stopping));
        reloading = true;
      }
      if (text.starts_with("STOPPING=1\n")) {
        REQUIRE_FALSE(stopping);
        stopping = true;
      }
    }
  }
}

}  // namespace preforkd::testing
