// Compressed siblings of files: who gets them, with what, and when they are not used. The test does not look
// into them, so they are any text.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "tests/loopback/http/file_site.h"

namespace preforkd::testing {
namespace {

constexpr std::time_t kTime = 784111777;

const std::map<std::string, std::string> kAll = {{"precompressed", "br, zstd, gzip"}};

// page.html with all siblings, plain.html with none, old.html with one that is older.
class Pages {
 public:
  Pages() {
    Write("page.html", "the page itself");
    Write("page.html.br", "brotli");
    Write("page.html.zst", "zstandard");
    Write("page.html.gz", "gzip");
    Write("plain.html", "plain");
    Write("old.html", "new text");
    Write("old.html.gz", "old");
    folder_.SetTime("old.html.gz", kTime - 1);
    Write("index.html", "index");
    Write("index.html.gz", "index, gzip");
    std::filesystem::create_directory(folder_.Path("plain.html.br"));
    std::filesystem::create_symlink("/etc/passwd", folder_.Path("plain.html.gz"));
  }
  void Write(const std::string& name, const std::string& text) const {
    folder_.Write(name, text);
    folder_.SetTime(name, kTime);
  }
  [[nodiscard]] const ServedFolder& Folder() const { return folder_; }

 private:
  ServedFolder folder_{"siblings"};
};

std::string Accept(const std::string& value) { return "Accept-Encoding: " + value + "\r\n"; }

TEST_CASE("a client gets the sibling that it likes best") {
  const Pages pages;
  FileSite site(pages.Folder(), kAll);
  struct Row {
    const char* accept;
    const char* coding;
    const char* body;
  };
  for (const Row& row : {Row{"gzip, br, zstd", "br", "brotli"}, Row{"gzip", "gzip", "gzip"},
                         Row{"zstd;q=1, br;q=0.5", "zstd", "zstandard"}, Row{"*", "br", "brotli"},
                         Row{"identity;q=0, gzip;q=0.1", "gzip", "gzip"},
                         Row{"deflate", "", "the page itself"}, Row{"gzip;q=0", "", "the page itself"}}) {
    CAPTURE(row.accept);
    const Answer answer = site.Get("/page.html", Accept(row.accept));
    CHECK(answer.status == 200);
    CHECK(answer.body == row.body);
    CHECK(answer.Field("content-encoding") == row.coding);
    CHECK(answer.Field("content-type") == "text/html; charset=utf-8");
    CHECK(answer.Field("vary") == "Accept-Encoding");
    CHECK(site.Ask("HEAD", "/page.html", Accept(row.accept)).Field("content-encoding") == row.coding);
  }
  CHECK(site.Get("/page.html").body == "the page itself");
  CHECK(site.Get("/page.html").Field("vary") == "Accept-Encoding");
  CHECK(site.Get("/", Accept("gzip")).body == "index, gzip");
  CHECK(site.Get("/page.html.gz", Accept("gzip")).Field("content-encoding").empty());
  CHECK(site.Get("/page.html.gz").Field("content-type") == "application/gzip");
}

TEST_CASE("who refuses the file as it is and takes no sibling that is there gets 406") {
  const Pages pages;
  FileSite site(pages.Folder(), kAll);
  const Answer answer = site.Get("/plain.html", Accept("*;q=0"));
  CHECK(answer.status == 406);
  CHECK(answer.Field("vary") == "Accept-Encoding");
  CHECK(site.Get("/page.html", Accept("identity;q=0, gzip")).body == "gzip");
  CHECK(site.Get("/old.html", Accept("identity;q=0, gzip")).status == 406);
}

TEST_CASE("what is no sibling is not sent: older than the file, a folder, a link that leads out") {
  const Pages pages;
  FileSite site(pages.Folder(), kAll);
  CHECK(site.Get("/old.html", Accept("gzip")).body == "new text");
  CHECK(site.Get("/plain.html", Accept("gzip, br")).body == "plain");
  CHECK(site.Get("/plain.html", Accept("gzip, br")).Field("vary") == "Accept-Encoding");
  CHECK(site.Get("/nothing.html", Accept("gzip")).status == 404);
}

TEST_CASE("each representation has its own tag, also where size and time are the same") {
  const Pages pages;
  pages.Write("same", "12345");
  pages.Write("same.gz", "abcde");
  FileSite site(pages.Folder(), kAll);
  const std::string plain = site.Get("/same").Field("etag");
  const std::string coded = site.Get("/same", Accept("gzip")).Field("etag");
  CHECK(plain != coded);
  const auto status = [&](const std::string& accept, const std::string& tag) {
    return site.Get("/same", accept + "If-None-Match: " + tag + "\r\n").status;
  };
  CHECK(status("", plain) == 304);
  CHECK(status("", coded) == 200);
  CHECK(status(Accept("gzip"), coded) == 304);
  CHECK(status(Accept("gzip"), plain) == 200);
  const Answer again = site.Get("/same", Accept("gzip") + "If-None-Match: " + coded + "\r\n");
  CHECK(again.Field("vary") == "Accept-Encoding");
  CHECK(again.Field("etag") == coded);
}

TEST_CASE("ranges are of the sibling") {
  const Pages pages;
  FileSite site(pages.Folder(), kAll);
  const Answer answer = site.Get("/page.html", Accept("zstd") + "Range: bytes=1-3\r\n");
  CHECK(answer.status == 206);
  CHECK(answer.body == "sta");
  CHECK(answer.Field("content-range") == "bytes 1-3/9");
  CHECK(answer.Field("content-encoding") == "zstd");
  CHECK(answer.Field("vary") == "Accept-Encoding");
  const std::string plain = site.Get("/page.html").Field("etag");
  CHECK(site.Get("/page.html", Accept("zstd") + "Range: bytes=1-3\r\nIf-Range: " + plain + "\r\n").body ==
        "zstandard");
  // The siblings have the time of their file: a date does not say which one the client has a part of.
  const std::string date = "If-Range: " + site.Get("/page.html").Field("last-modified") + "\r\n";
  CHECK(site.Get("/page.html", Accept("zstd") + "Range: bytes=1-3\r\n" + date).status == 200);
  CHECK(site.Get("/page.html", "Range: bytes=1-3\r\n" + date).status == 200);
  FileSite off(pages.Folder());
  CHECK(off.Get("/page.html", "Range: bytes=1-3\r\n" + date).status == 206);
}

TEST_CASE("several ranges of a sibling are answered with the whole of it") {
  const Pages pages;
  pages.Write("long", std::string(4000, 'p'));
  pages.Write("long.gz", std::string(2000, 'z'));
  FileSite site(pages.Folder(), kAll);
  const std::string two = "Range: bytes=0-1,1000-1001\r\n";
  const Answer whole = site.Get("/long", Accept("gzip") + two);
  CHECK(whole.status == 200);
  CHECK(whole.Field("content-type") == site.Get("/long").Field("content-type"));
  CHECK(whole.Field("content-encoding") == "gzip");
  CHECK(whole.Field("content-range").empty());
  CHECK(whole.body == std::string(2000, 'z'));
  // Those that become one stay a range, those that are beyond the end are refused, those of the file are
  // parts.
  CHECK(site.Get("/long", Accept("gzip") + "Range: bytes=0-1,3-4\r\n").body == "zzzzz");
  CHECK(site.Get("/long", Accept("gzip") + "Range: bytes=3000-,3500-\r\n").status == 416);
  CHECK(site.Get("/long", two).Field("content-type").starts_with("multipart/byteranges"));
}

TEST_CASE("only the codings of the setting are looked for, and by default none") {
  const Pages pages;
  FileSite off(pages.Folder());
  CHECK(off.Get("/page.html", Accept("br, gzip")).body == "the page itself");
  CHECK(off.Get("/page.html", Accept("br, gzip")).Field("vary").empty());
  CHECK(off.Get("/page.html", Accept("*;q=0")).status == 200);
  FileSite gzip(pages.Folder(), {{"precompressed", "gzip"}});
  CHECK(gzip.Get("/page.html", Accept("br, gzip")).body == "gzip");
}

TEST_CASE("a sibling that appears is used within a second, one that is removed is gone at once") {
  const Pages pages;
  FileSite site(pages.Folder(), kAll);
  pages.Write("late", "plain");
  CHECK(site.Get("/late", Accept("gzip")).body == "plain");
  pages.Write("late.gz", "coded");
  CHECK(site.Bed().Until([&] { return site.Get("/late", Accept("gzip")).body == "coded"; }));
  std::filesystem::remove(pages.Folder().Path("late.gz"));
  CHECK(site.Get("/late", Accept("gzip")).body == "plain");
}

}  // namespace
}  // namespace preforkd::testing
