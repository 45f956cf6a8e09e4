// The pure parts of serving files: types, conditions.
#include <doctest/doctest.h>

#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "worker/http/files/media_types.h"
#include "worker/http/files/mime_types.h"
#include "worker/http/syntax/conditional.h"

namespace preforkd::testing {
using namespace http;  // NOLINT: the syntax under test
namespace {

TEST_CASE("types") {
  CHECK(MimeTypeOf("/a/index.html") == "text/html");
  CHECK(MimeTypeOf("A.JPG") == "image/jpeg");
  CHECK(MimeTypeOf("a.tar.gz") == "application/gzip");
  CHECK(MimeTypeOf("7z.7z") == "application/x-7z-compressed");
  CHECK(MimeTypeOf("a.zst") == "application/zstd");
  // What a site of today has, whatever Debian's table says.
  const std::pair<const char*, const char*> web[] = {
      {"a.css", "text/css"},
      {"a.js", "text/javascript"},
      {"a.mjs", "text/javascript"},
      {"a.json", "application/json"},
      {"a.map", "application/json"},
      {"a.wasm", "application/wasm"},
      {"a.svg", "image/svg+xml"},
      {"a.ico", "image/vnd.microsoft.icon"},
      {"a.webp", "image/webp"},
      {"a.avif", "image/avif"},
      {"a.jxl", "image/jxl"},
      {"a.woff2", "font/woff2"},
      {"a.ttf", "font/ttf"},
      {"a.mp4", "video/mp4"},
      {"a.webm", "video/webm"},
      {"a.m4a", "audio/mp4"},
      {"a.wav", "audio/wav"},
      {"a.weba", "audio/webm"},
      {"a.m3u8", "application/vnd.apple.mpegurl"},
      {"a.ts", "video/mp2t"},
      {"a.mpd", "application/dash+xml"},
      {"a.ics", "text/calendar"},
      {"a.log", "text/plain"},
      {"a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
      {"a.apk", "application/vnd.android.package-archive"},
      {"a.sh", "application/x-sh"},
      {"a.yaml", "application/yaml"},
      {"a.yml", "application/yaml"},
      {"a.pdf", "application/pdf"},
      {"a.webmanifest", "application/manifest+json"},
      {"a.rss", "application/rss+xml"},
      {"a.atom", "application/atom+xml"},
      {"a.xml", "application/xml"},
      {"a.epub", "application/epub+zip"},
      {"a.md", "text/markdown"},
      {"a.csv", "text/csv"},
      {"a.tgz", "application/gzip"}};
  for (const auto& [path, type] : web) {
    CAPTURE(path);
    CHECK(MimeTypeOf(path) == type);
  }
  for (const char* unknown : {"", "a", ".html", "dir.html/file", "a.", "a.htm1"}) {
    CHECK(MimeTypeOf(unknown) == "application/octet-stream");
  }
}

// The table is sorted, as the search for an extension needs it, and every row is a type.
TEST_CASE("every row of the table is found") {
  std::string_view before;
  CHECK(kMediaTypeRows.size() > 1400);
  for (const MediaTypeRow& row : kMediaTypeRows) {
    const std::string_view extension = kMediaTypeText.substr(row.extension_at, row.extension_size);
    CAPTURE(extension);
    CHECK(before < extension);
    before = extension;
    CHECK(MimeTypeOf("a." + std::string(extension)) == kMediaTypeText.substr(row.type_at, row.type_size));
    CHECK(CheckTypeLine(std::string(extension) + " " + std::string(MimeTypeOf("a." + std::string(extension))))
              .Ok());
  }
}

TEST_CASE("types of one's own win, and text has the charset of the setting") {
  const auto type = [](const FileTypes& types, const char* path) {
    std::string written = "left over";
    types.TypeOf(path, written);
    return written;
  };
  const FileTypes own({"m3u8 audio/x-first", "M3U8 audio/x-mpegurl", " foo  bar\ttext/x-foo ",
                       "txt text/plain; charset=latin1", "html text/html;charset=utf-16"},
                      "utf-8");
  CHECK(type(own, "a.m3u8") == "audio/x-mpegurl");
  CHECK(type(own, "a.FOO") == "text/x-foo; charset=utf-8");
  CHECK(type(own, "a.bar") == "text/x-foo; charset=utf-8");
  CHECK(type(own, "a.txt") == "text/plain; charset=latin1");
  CHECK(type(own, "a.html") == "text/html;charset=utf-16");
  CHECK(type(own, "a.css") == "text/css; charset=utf-8");
  CHECK(type(own, "a.json") == "application/json");
  CHECK(type(own, "a") == "application/octet-stream");
  CHECK(type(FileTypes({}, ""), "a.txt") == "text/plain");
  CHECK(type(FileTypes({}, "koi8-r"), "a.txt") == "text/plain; charset=koi8-r");
}

TEST_CASE("lines of types that are refused") {
  for (const char* line : {"m3u8 audio/x-mpegurl", "a b c text/plain; x=\"y z\"", "a text/plain ;x"}) {
    CHECK(CheckTypeLine(line).Ok());
  }
  for (const char* line : {"m3u8", "audio/x-mpegurl", ".m3u8 audio/x-mpegurl", "a.b text/plain", "m3u8 /x",
                           "m3u8 audio/", "m3u8 a/b/c", "m3u8 a/b c/d", "m3u8 a/b\r\nX: y", " "}) {
    CAPTURE(line);
    CHECK_FALSE(CheckTypeLine(line).Ok());
  }
  CHECK(CheckCharset("utf-8").Ok());
  CHECK_FALSE(CheckCharset("utf 8").Ok());
  CHECK_FALSE(CheckCharset("a;b").Ok());
}

constexpr std::time_t kModified = 784111777;
constexpr const char* kSame = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr const char* kEarlier = "Sun, 06 Nov 1994 08:49:36 GMT";
constexpr std::time_t kNow = kModified + 1000;
constexpr Validators kFile{"\"tag\"", Modified{kModified, kModified, true}};

HttpRequest With(const std::vector<HttpField>& fields) {
  HttpRequest request;
  request.fields = fields;
  return request;
}

TEST_CASE("preconditions") {
  const auto check = [](const std::vector<HttpField>& fields) {
    return CheckPreconditions(With(fields), kFile, kNow);
  };
  CHECK(check({}) == Precondition::kProceed);
  CHECK(check({{"If-None-Match", "*"}}) == Precondition::kNotModified);
  CHECK(check({{"If-None-Match", "\"a\" , W/\"tag\""}}) == Precondition::kNotModified);
  CHECK(check({{"If-None-Match", "\"a\""}, {"If-Modified-Since", kSame}}) == Precondition::kProceed);
  CHECK(check({{"If-Modified-Since", kSame}}) == Precondition::kNotModified);
  CHECK(check({{"If-Modified-Since", kEarlier}}) == Precondition::kProceed);
  CHECK(check({{"If-Modified-Since", "Sun, 06 Nov 2994 08:49:37 GMT"}}) == Precondition::kProceed);
  CHECK(check({{"If-Modified-Since", "garbage"}}) == Precondition::kProceed);
  CHECK(check({{"If-Match", "*"}}) == Precondition::kProceed);
  CHECK(check({{"If-Match", "W/\"tag\""}}) == Precondition::kFailed);  // only a strong tag may match
  CHECK(check({{"If-Match", "\"tag\""}, {"If-Unmodified-Since", kEarlier}}) == Precondition::kProceed);
  CHECK(check({{"If-Unmodified-Since", kSame}}) == Precondition::kProceed);
  CHECK(check({{"If-Unmodified-Since", kEarlier}}) == Precondition::kFailed);
  CHECK(check({{"If-Match", "\"a\""}, {"If-None-Match", "*"}}) == Precondition::kFailed);
}

TEST_CASE("a comma between quotes is a part of a tag") {
  const auto check = [](const std::vector<HttpField>& fields) {
    return CheckPreconditions(With(fields), kFile, kNow);
  };
  CHECK(check({{"If-None-Match", "\"a,*,b\""}}) == Precondition::kProceed);
  CHECK(check({{"If-None-Match", "\"a,b\",\"tag\""}}) == Precondition::kNotModified);
  CHECK(check({{"If-Match", "\"*\""}}) == Precondition::kFailed);
  CHECK(check({{"If-Match", "\"a,\", *"}}) == Precondition::kProceed);
  CHECK(check({{"If-Match", "\"tag"}}) == Precondition::kFailed);
  CHECK(check({{"If-Match", "\""}, {"If-Match", "\"tag\""}}) == Precondition::kProceed);
}

// A list has the same meaning on any number of lines, with other fields between them.
TEST_CASE("a list is the same list however it is cut into lines") {
  const std::vector<std::string> tags = {"\"tag\"", "W/\"tag\"", "\"a\"", "\"b,c\"", "W/\"\"", "*", "", " "};
  std::mt19937 random(20261126);
  const auto below = [&random](std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(random);
  };
  for (int round = 0; round < 20'000; ++round) {
    const std::string name = round % 2 == 0 ? "If-Match" : "If-None-Match";
    std::string joined = tags[below(tags.size())];
    std::vector<std::string> lines = {joined};
    for (std::size_t more = below(4); more > 0; --more) {
      const std::string& tag = tags[below(tags.size())];
      joined += ", " + tag;
      below(2) == 0 ? lines.push_back(tag) : (void)(lines.back() += "," + tag);
    }
    std::vector<HttpField> fields;
    for (const std::string& line : lines) {
      fields.push_back({name, line});
      fields.push_back({"Accept", "*"});
    }
    CAPTURE(joined);
    REQUIRE(CheckPreconditions(With(fields), kFile, kNow) ==
            CheckPreconditions(With({{name, joined}}), kFile, kNow));
  }
}

TEST_CASE("several lines of a date are not a date, and several of If-Range never hold") {
  const auto check = [](const std::vector<HttpField>& fields) {
    return CheckPreconditions(With(fields), kFile, kNow);
  };
  CHECK(check({{"If-Modified-Since", kSame}, {"If-Modified-Since", kSame}}) == Precondition::kProceed);
  CHECK(check({{"If-Unmodified-Since", kEarlier}, {"if-unmodified-since", kEarlier}}) ==
        Precondition::kProceed);
  CHECK_FALSE(RangeApplies(With({{"If-Range", "\"tag\""}, {"If-Range", "\"tag\""}}), kFile, kNow));
}

TEST_CASE("without a date, dates are ignored") {
  constexpr Validators kPage{"\"tag\"", std::nullopt};
  CHECK(CheckPreconditions(With({{"If-Modified-Since", kSame}}), kPage, kNow) == Precondition::kProceed);
  CHECK(CheckPreconditions(With({{"If-Unmodified-Since", kEarlier}}), kPage, kNow) == Precondition::kProceed);
  CHECK_FALSE(RangeApplies(With({{"If-Range", kSame}}), kPage, kNow));
  CHECK(RangeApplies(With({{"If-Range", "\"tag\""}}), kPage, kNow));
}

TEST_CASE("the headers about a file's time") {
  constexpr std::time_t kLeast = std::numeric_limits<std::time_t>::min();
  constexpr std::time_t kMax = std::numeric_limits<std::time_t>::max();
  struct Row {
    std::time_t mtime, ctime, told, latest;
    bool exact;
  };
  for (const Row& row :
       {Row{kModified, kNow, kModified, kModified, true}, Row{kNow, kNow, kNow, kNow, true},
        Row{0, kNow, 0, 0, true}, Row{-1, kNow, -1, -1, true}, Row{kLeast, kNow, kLeast, kLeast, true},
        Row{kNow + 1, kModified, kNow, kModified, false}, Row{kMax, kNow, kNow, kNow, false},
        Row{kMax, kMax, kNow, kNow, false}}) {  // the clock was set back
    CAPTURE(row.mtime);
    const Modified modified = ModifiedOf(row.mtime, row.ctime, kNow);
    CHECK(modified.told == row.told);
    CHECK(modified.latest == row.latest);
    CHECK(modified.exact == row.exact);
    // As many conditions as can be compared.
    const Validators file{"\"tag\"", modified};
    CHECK(CheckPreconditions(With({{"If-Unmodified-Since", kEarlier}}), file, kNow) ==
          (row.latest > kModified - 1 ? Precondition::kFailed : Precondition::kProceed));
    CHECK(RangeApplies(With({{"If-Range", kSame}}), file, kNow) == (row.mtime == kModified));
  }
}

TEST_CASE("If-Range") {
  const auto applies = [](const char* value, std::time_t now = kNow) {
    return RangeApplies(With({{"If-Range", value}}), kFile, now);
  };
  CHECK(RangeApplies(With({}), kFile, kNow));
  CHECK(applies("\"tag\""));
  CHECK_FALSE(applies("W/\"tag\""));
  CHECK_FALSE(applies("\"other\""));
  CHECK(applies(kSame));
  CHECK_FALSE(applies(kEarlier));
  CHECK_FALSE(applies("garbage"));
  CHECK_FALSE(applies(kSame, kModified + 1));  // may have changed again in that second
}

}  // namespace
}  // namespace preforkd::testing
