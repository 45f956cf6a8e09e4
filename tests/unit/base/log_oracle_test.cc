// The harness reads a log: its lines, in text and in JSON, and queries of them.
#include "tests/support/log_oracle.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <stdexcept>

#include "common/base/log.h"
#include "common/base/unique_fd.h"
#include "tests/support/temp_directory.h"

namespace preforkd::testing {
namespace {

// The product's lines for a worker that a signal has ended, and for a plain event.
std::string Written(log::Format format) {
  const TempDirectory folder;
  const UniqueFd fd(::open(folder.Path("log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  log::SetOutput(fd.Get());
  log::SetFormat(format);
  log::Error({log::kWorkerExited,
              WorkerId{Slot{1}, Incarnation{7}},
              ConnId{3},
              {{"worker_pid", 99}, {"exit", "SIGKILL"}, {"doing", "GET /a b: \"c\""}}},
             "worker ended: {}", "event=serving");
  log::Notice({log::kListening, {{"address", "[::1]:80"}}}, "listening");
  log::SetOutput(STDERR_FILENO);
  log::SetFormat(log::Format::kText);
  return ReadFile(folder.Path("log"));
}

}  // namespace

TEST_CASE("an entry has the fields of its line, whatever the text says") {
  for (const log::Format format : {log::Format::kText, log::Format::kJson}) {
    const std::vector<LogEntry> entries = ReadLog("a sanitizer's line\n" + Written(format));
    REQUIRE(entries.size() == 2);
    CHECK(entries[0].Field("event") == "worker_exited");
    CHECK(entries[0].Field("level") == "error");
    CHECK(entries[0].Number("slot") == 1);
    CHECK(entries[0].Number("inc") == 7);
    CHECK(entries[0].Number("conn") == 3);
    CHECK(entries[0].Field("doing") == "GET /a b: \"c\"");
    CHECK(entries[0].message == "worker ended: event=serving");
    CHECK(entries[0].time > 0);
    CHECK(entries[1].Field("address") == "[::1]:80");
    CHECK(entries[1].message == "listening");
  }
}

TEST_CASE("a query names an event and fields of its line") {
  const std::string log = Written(log::Format::kText);
  CHECK(EntriesOf(log, "").size() == 2);
  CHECK(EntriesOf(log, "worker_exited").size() == 1);
  CHECK(EntriesOf(log, "worker_exited exit=SIGKILL slot=1").size() == 1);
  CHECK(EntriesOf(log, "worker_exited exit=SIGSEGV").empty());
  CHECK(EntriesOf(log, "worker_exited exit=SIG").empty());
  CHECK(EntriesOf(log, "doing~\"/a b\"").size() == 1);
  CHECK(EntriesOf(log, "worker_exited doing~\"/a c\" slot=1").empty());
  CHECK(EntriesOf(log, "listening worker_pid=99").empty());
  CHECK_THROWS_AS(EntriesOf(log, "worker_exploded"), std::invalid_argument);
}

TEST_CASE("a worker's life is read from its events") {
  const auto line = [](const std::string& event) {
    return fmt::format("2026-11-26T10:00:00.000000Z info    master pid=1 slot=2 inc=9 gen=1 event={}: x\n",
                       event);
  };
  const std::string log = line("worker_started worker_pid=77") + line("worker_ready ms=3");
  const std::vector<WorkerLife> lives = ReadWorkerLives(log);
  REQUIRE(lives.size() == 1);
  CHECK(lives[0].slot == 2);
  CHECK(lives[0].incarnation == 9);
  CHECK(lives[0].pid == 77);
  CHECK(lives[0].ready);
  CHECK_FALSE(lives[0].gone);
  CHECK(ReadWorkerLives(log + line("worker_exited exit=3"))[0].gone);
}

TEST_CASE(
    "bad lines are alerts, reports of sanitizers and workers that ended unasked, but not what is expected") {
  const std::string alert = "2026-11-26T10:00:00.000000Z alert   master pid=1 gen=1 event=check_failed: x";
  const std::string report = "==12==ERROR: AddressSanitizer: heap-use-after-free";
  const std::string log = Written(log::Format::kText) + alert + "\n" + report + "\n";
  CHECK(BadLines(log, {}).size() == 3);
  CHECK(BadLines(log, {"worker_exited exit=SIGKILL"}) == std::vector{alert, report});
  CHECK(BadLines(log, {""}) == std::vector{report});
  const std::string damaged = alert.substr(0, alert.find(" event="));
  CHECK(BadLines(damaged, {}) == std::vector{damaged});
}

}  // namespace preforkd::testing
