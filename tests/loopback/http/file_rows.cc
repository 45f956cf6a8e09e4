#include "tests/loopback/http/file_rows.h"

#include <fmt/format.h>

namespace preforkd::testing {
namespace {

std::string Line(std::string_view name, std::string_view value) {
  return fmt::format("{}: {}\r\n", name, value);
}

FileRow Whole(std::string target, std::string fields) {
  return {std::move(target), std::move(fields), 200, "", "*"};
}
FileRow Part(std::string target, std::string fields, std::string range, std::string body) {
  return {std::move(target), std::move(fields), 206, std::move(range), std::move(body)};
}
FileRow Behind(std::string target, std::string fields, std::size_t size) {
  return {std::move(target), std::move(fields), 416, fmt::format("bytes */{}", size), ""};
}
FileRow Status(int status, std::string fields) { return {"/thousand", std::move(fields), status, "", ""}; }

}  // namespace

std::string TagOf(std::uint64_t size, std::time_t time) {
  return fmt::format("\"{:x}.{:09x}-{:x}\"", time, 0, size);
}

// Several lines of a list are one list, wherever it is cut and whatever lies between the lines.
std::vector<FileRow> ListRows() {
  const std::string tag = TagOf(1000);
  const std::string match_other = Line("If-Match", "\"a\"");
  const std::string none_other = Line("If-None-Match", "\"a\"");
  return {
      Whole("/thousand", match_other + Line("If-Match", tag)),
      Whole("/thousand", Line("If-Match", tag) + match_other),
      Whole("/thousand", match_other + Line("Accept", "*/*") + Line("if-match", "\"b\" , " + tag)),
      Whole("/thousand", match_other + Line("If-Match", "") + Line("If-Match", ", ," + tag + ",")),
      Whole("/thousand", match_other + Line("If-Match", "*")),
      Status(412, match_other + Line("If-Match", "\"b\"")),
      Status(412, match_other + Line("If-Match", "W/" + tag)),
      Status(412, Line("If-Match", "") + Line("If-Match", "")),
      Status(304, none_other + Line("If-None-Match", tag)),
      Status(304, Line("If-None-Match", tag) + none_other),
      Status(304, none_other + Line("Accept", "*/*") + Line("IF-NONE-MATCH", "\"b\", W/" + tag)),
      Status(304, none_other + Line("If-None-Match", "*")),
      Whole("/thousand", none_other + Line("If-None-Match", "\"b\"")),
      // A tag, even one that does not match, wins over a date.
      Whole("/thousand", none_other + Line("If-None-Match", "\"b\"") + Line("If-Modified-Since", kFileDate)),
      Whole("/thousand", match_other + Line("If-Match", tag) + Line("If-Unmodified-Since", kEarlierDate)),
      Status(412, match_other + Line("If-Match", "\"b\"") + Line("If-None-Match", tag)),
      Status(304, match_other + Line("If-Match", tag) + none_other + Line("If-None-Match", tag)),
  };
}

// Fields that are no lists: several lines are one value that is none, and is treated like any other bad
// value.
std::vector<FileRow> SingleFieldRows() {
  const std::string since = Line("If-Modified-Since", kFileDate);
  const std::string unmodified = Line("If-Unmodified-Since", kEarlierDate);
  const std::string range = Line("Range", "bytes=0-1");
  return {
      Status(304, since),
      Whole("/thousand", since + since),
      Whole("/thousand", since + Line("If-Modified-Since", "yesterday")),
      Whole("/thousand", since + Line("If-Modified-Since", "")),
      Status(412, unmodified),
      Whole("/thousand", unmodified + unmodified),
      Whole("/thousand", unmodified + Line("If-Unmodified-Since", kFileDate)),
      Whole("/thousand", range + range),
      Whole("/thousand", range + Line("Range", "bytes=4-5")),
      Whole("/thousand", Line("Range", "bytes=2000-") + range),
      Whole("/thousand", range + Line("If-Range", TagOf(1000)) + Line("If-Range", TagOf(1000))),
      Whole("/thousand", range + Line("If-Range", TagOf(1000)) + Line("If-Range", "\"a\"")),
      Whole("/thousand", range + Line("If-Range", kFileDate) + Line("If-Range", kFileDate)),
  };
}

std::vector<FileRow> RangeRows() {
  std::vector<FileRow> rows;
  const auto range = [](std::string_view value) { return Line("Range", value); };
  // A suffix of an empty file is the whole file; any other position is behind its end.
  for (const char* value : {"bytes=-1", "bytes=-1000", "bytes=-99999999999999999999999", "bytes=,-1",
                            "bytes=-1,-2", "bytes=0-0,-1"}) {
    rows.push_back(Whole("/empty", range(value)));
  }
  for (const char* value : {"bytes=0-", "bytes=0-0", "bytes=0-99", "bytes=1-", "bytes=-0"}) {
    rows.push_back(Behind("/empty", range(value), 0));
  }
  for (const char* value : {"bytes=-", "bytes=", "bytes=--1", "bytes=1-0", "bytes=-1,-2-", "lines=-1"}) {
    rows.push_back(Whole("/empty", range(value)));
    rows.push_back(Whole("/one", range(value)));
  }
  for (const char* value : {"bytes=0-", "bytes=0-0", "bytes=0-1", "bytes=-1", "bytes=-2",
                            "bytes=-99999999999999999999999", "bytes=0-99999999999999999999999", "BYTES=0-0",
                            "bytes= 0-0 ", "bytes=,0-0, ,", "bytes=00-000", "bytes=-1,-2", "bytes=0-0,1-"}) {
    rows.push_back(Part("/one", range(value), "bytes 0-0/1", "x"));
  }
  for (const char* value :
       {"bytes=1-", "bytes=1-1", "bytes=-0", "bytes=-000", "bytes=99999999999999999999999-"}) {
    rows.push_back(Behind("/one", range(value), 1));
  }
  rows.push_back(Part("/two", range("bytes=1-"), "bytes 1-1/2", "y"));
  rows.push_back(Part("/two", range("bytes=-1"), "bytes 1-1/2", "y"));
  rows.push_back(Part("/two", range("bytes=-2"), "bytes 0-1/2", "xy"));
  rows.push_back(Part("/two", range("bytes=0-5"), "bytes 0-1/2", "xy"));
  rows.push_back(Behind("/two", range("bytes=2-"), 2));
  return rows;
}

std::vector<FileRow> IfRangeRows() {
  const auto fields = [](std::string_view range, std::string_view condition) {
    return Line("Range", range) + Line("If-Range", condition);
  };
  return {
      Whole("/empty", fields("bytes=-1", TagOf(0))),
      Whole("/empty", fields("bytes=-1", "\"a\"")),
      Behind("/empty", fields("bytes=0-0", TagOf(0)), 0),
      Behind("/empty", fields("bytes=0-0", kFileDate), 0),
      // The client has another version: its range is ignored, so it cannot be behind the end.
      Whole("/empty", fields("bytes=0-0", "\"a\"")),
      Whole("/empty", fields("bytes=0-0", "W/" + TagOf(0))),
      Whole("/empty", fields("bytes=0-0", kLaterDate)),
      Behind("/one", fields("bytes=1-", TagOf(1)), 1),
      Whole("/one", fields("bytes=1-", TagOf(0))),
      Part("/one", fields("bytes=-5", TagOf(1)), "bytes 0-0/1", "x"),
      Part("/one", fields("bytes=-5", kFileDate), "bytes 0-0/1", "x"),
      Whole("/one", fields("bytes=-5", kEarlierDate)),
      Whole("/one", fields("bytes=-5", kLaterDate)),
      Whole("/one", fields("bytes=-5", "")),
      Whole("/one", fields("bytes=-5", "*")),
      Whole("/one", fields("bytes=-5", TagOf(1) + ", \"a\"")),
  };
}

}  // namespace preforkd::testing
