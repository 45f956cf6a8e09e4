// Requests for files, by a table: each row is sent in one piece, cut at every byte, and byte by byte, always
// with the same outcome. After each row the same service answers a plain request.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/loopback/http/file_rows.h"
#include "tests/loopback/http/http_bed.h"
#include "worker/http/syntax/http_date.h"
#include "worker/services/http_service_type.h"

namespace preforkd::testing {
namespace {

namespace fs = std::filesystem;

constexpr std::time_t kDay = 86400;

struct Outcome {
  int status = 0;
  std::string content_range, etag, body;
  bool ended = false;
  bool operator==(const Outcome&) const = default;
};

// A service that serves a folder of files with times of the past, the present and the future.
class Site {
 public:
  Site() : root_(MakeRoot()), bed_({{"root", root_}}, HttpServiceType()) {}
  ~Site() { fs::remove_all(root_); }

  // Sends a request in pieces of the given sizes; what is left behind the last goes as one piece.
  Answer Ask(std::string_view target, std::string_view fields, const std::vector<std::size_t>& pieces = {}) {
    const std::string request = Request(target, fields);
    std::string_view bytes = request;
    const auto client = bed_.Connect();
    for (const std::size_t size : pieces) {
      bed_.Exchange(*client, bytes.substr(0, size));
      bytes.remove_prefix(std::min(size, bytes.size()));
    }
    if (!bytes.empty()) bed_.Exchange(*client, bytes);
    const std::vector<Answer> answers = ParseAnswers(client->Received());
    REQUIRE(answers.size() == 1);
    CHECK_FALSE(client->Ended());
    client->Close();
    bed_.Turn();
    CHECK(bed_.Live() == 0);
    return answers.front();
  }
  void CheckRow(const FileRow& row) {
    CAPTURE(row.target);
    CAPTURE(row.fields);
    const Outcome whole = OutcomeOf(Ask(row.target, row.fields));
    CHECK(whole.status == row.status);
    CHECK(whole.content_range == row.content_range);
    if (row.status == 200 || row.status == 206)
      CHECK(whole.body == (row.body == "*" ? Content(row.target) : row.body));
    CheckNextClient();
    const std::size_t size = Request(row.target, row.fields).size();
    for (std::size_t cut = 1; cut < size; ++cut) {
      CAPTURE(cut);
      REQUIRE(OutcomeOf(Ask(row.target, row.fields, {cut})) == whole);
    }
    CHECK(OutcomeOf(Ask(row.target, row.fields, std::vector<std::size_t>(size, 1))) == whole);
    CheckNextClient();
  }
  void SetTime(const std::string& name, std::time_t time) const {
    const timespec times[2] = {{0, UTIME_OMIT}, {time, 0}};
    REQUIRE(::utimensat(AT_FDCWD, (root_ / name).c_str(), times, 0) == 0);
  }

 private:
  static fs::path MakeRoot() {
    const char* folder = std::getenv("TEST_TMPDIR");
    const fs::path root = fs::path(folder != nullptr ? folder : "/tmp") / "file_rows";
    fs::remove_all(root);
    fs::create_directories(root);
    for (const char* name : {"empty", "one", "two", "thousand", "odd"}) {
      std::ofstream(root / name) << Content("/" + std::string(name));
      const timespec times[2] = {{0, UTIME_OMIT}, {kFileTime, 0}};
      REQUIRE(::utimensat(AT_FDCWD, (root / name).c_str(), times, 0) == 0);
    }
    return root;
  }
  static std::string Content(const std::string& target) {
    if (target == "/empty") return "";
    if (target == "/one") return "x";
    return target == "/two" ? "xy" : std::string(1000, 'm');
  }
  static std::string Request(std::string_view target, std::string_view fields) {
    return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
  }
  static Outcome OutcomeOf(const Answer& answer) {
    return {answer.status, answer.Field("content-range"), answer.Field("etag"), answer.body, false};
  }
  void CheckNextClient() {
    const Answer answer = Ask("/two", "");
    CHECK(answer.status == 200);
    CHECK(answer.body == "xy");
  }

  fs::path root_;
  HttpBed bed_;
};

void CheckRows(const std::vector<FileRow>& rows) {
  Site site;
  for (const FileRow& row : rows) site.CheckRow(row);
}

std::time_t DateIn(const Answer& answer, const std::string& field) {
  CAPTURE(answer.head);
  const auto date = http::ParseDate(answer.Field(field), std::time(nullptr));
  REQUIRE(date);
  return *date;
}

std::string Line(const std::string& name, std::time_t time) {
  const http::DateText text = http::FormatDate(time);
  return name + ": " + std::string(text.data(), text.size()) + "\r\n";
}

}  // namespace

TEST_CASE("lists on several lines are one list") { CheckRows(ListRows()); }
TEST_CASE("several lines of a field that is not a list are a bad value") { CheckRows(SingleFieldRows()); }
TEST_CASE("ranges of empty and tiny files") { CheckRows(RangeRows()); }
TEST_CASE("If-Range with empty and tiny files") { CheckRows(IfRangeRows()); }

TEST_CASE(
    "a file with a time in the future: Last-Modified is not later than Date, and both kinds of 304 work") {
  for (const std::time_t ahead : {std::time_t{5}, kDay, 100 * 365 * kDay, std::time_t{1} << 36}) {
    CAPTURE(ahead);
    Site site;
    site.SetTime("odd", std::time(nullptr) + ahead);
    const Answer first = site.Ask("/odd", "");
    CHECK(first.status == 200);
    const std::time_t modified = DateIn(first, "last-modified");
    CHECK(modified <= DateIn(first, "date"));
    CHECK(modified >= DateIn(first, "date") - 1);  // the clock may tick between the two
    const std::string since = Line("If-Modified-Since", modified);
    const Answer again = site.Ask("/odd", since);
    CHECK(again.status == 304);
    CHECK(again.Field("etag") == first.Field("etag"));
    CHECK(DateIn(again, "last-modified") <= DateIn(again, "date"));
    site.CheckRow({"/odd", since, 304, "", ""});
    site.CheckRow({"/odd", "If-None-Match: " + first.Field("etag") + "\r\n", 304, "", ""});
    site.CheckRow({"/odd", Line("If-Modified-Since", kFileTime), 200, "", "*"});
    // The date that the client was told before would be in the future: it cannot be from us.
    site.CheckRow({"/odd", Line("If-Modified-Since", std::time(nullptr) + kDay), 200, "", "*"});
    site.CheckRow({"/odd", Line("If-Unmodified-Since", modified), 200, "", "*"});
    site.CheckRow({"/odd", Line("If-Unmodified-Since", kFileTime), 412, "", ""});
    // A date that moves with the clock names no version of the file; the tag does.
    site.CheckRow({"/odd", "Range: bytes=0-0\r\n" + Line("If-Range", modified), 200, "", "*"});
    site.CheckRow(
        {"/odd", "Range: bytes=0-0\r\n" + Line("If-Range", std::time(nullptr) + ahead), 200, "", "*"});
    site.CheckRow({"/odd", "Range: bytes=0-0\r\nIf-Range: " + first.Field("etag") + "\r\n", 206,
                   "bytes 0-0/1000", "m"});
  }
}

TEST_CASE("a file with the time of the epoch, before it, and before the year 0") {
  for (const std::time_t time : {std::time_t{0}, std::time_t{-1}, -kDay, std::time_t{-2147483648},
                                 -800 * 365 * kDay, -(std::time_t{1} << 40)}) {
    CAPTURE(time);
    Site site;
    site.SetTime("odd", time);
    const Answer first = site.Ask("/odd", "");
    const std::time_t modified = DateIn(first, "last-modified");
    CHECK(first.status == 200);
    const std::string tag = first.Field("etag");
    site.CheckRow({"/odd", Line("If-Modified-Since", modified), 304, "", ""});
    site.CheckRow({"/odd", Line("If-Unmodified-Since", modified), 200, "", "*"});
    site.CheckRow({"/odd", Line("If-Unmodified-Since", kFileTime), 200, "", "*"});
    site.CheckRow({"/odd", "If-None-Match: " + tag + "\r\n", 304, "", ""});
    site.CheckRow({"/odd", "Range: bytes=0-0\r\nIf-Range: " + tag + "\r\n", 206, "bytes 0-0/1000", "m"});
  }
}

}  // namespace preforkd::testing
