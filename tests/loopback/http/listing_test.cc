// The list of a folder: what is in it and what is not, and that no name is taken for HTML.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "tests/loopback/http/file_site.h"

namespace preforkd::testing {
namespace {

namespace fs = std::filesystem;

const std::map<std::string, std::string> kListing = {{"listing", "true"}};

bool Has(const std::string& page, const std::string& text) { return page.find(text) != std::string::npos; }

TEST_CASE("a folder without an index is listed: folders, then files, by name, with size and time") {
  const ServedFolder folder("list");
  folder.Write("b.txt", "12345");
  folder.Write("a.txt", "1");
  folder.Write("z/x", "");
  folder.SetTime("a.txt", 784111777);
  FileSite site(folder, kListing);
  const Answer answer = site.Get("/");
  CHECK(answer.status == 200);
  CHECK(answer.Field("content-type") == "text/html; charset=utf-8");
  CHECK(answer.Field("etag").empty());
  CHECK(answer.Field("last-modified").empty());
  CHECK(Has(answer.body, "<a href=\"./a.txt\">a.txt</a><td>1<td>1994-11-06 08:49\n"));
  CHECK(Has(answer.body, "<a href=\"./b.txt\">b.txt</a><td>5<td>"));
  const std::size_t z = answer.body.find("./z/"), a = answer.body.find("./a.txt"),
                    b = answer.body.find("./b.txt");
  CHECK(z < a);
  CHECK(a < b);
  CHECK_FALSE(Has(answer.body, "../"));
  CHECK(Has(site.Get("/z/").body, "<a href=\"../\">"));
  const Answer head = site.Ask("HEAD", "/");
  CHECK(head.status == 200);
  CHECK(head.Field("content-length") == std::to_string(answer.body.size()));
  CHECK(site.Get("/z").status == 301);
  CHECK(site.Ask("POST", "/").status == 405);
  CHECK(site.Get("/nothing/").status == 404);
  CHECK(site.Get("/a.txt/").status == 404);
}

TEST_CASE("an index file comes first, and without the setting there is no list") {
  const ServedFolder folder("list_index");
  folder.Write("sub/x", "");
  folder.Write("index.html", "the index");
  FileSite site(folder, kListing);
  CHECK(site.Get("/").body == "the index");
  CHECK(site.Get("/sub/").status == 200);
  FileSite off(folder);
  CHECK(off.Get("/sub/").status == 404);
}

TEST_CASE("hidden files, what cannot be served, and links that lead out are not listed") {
  const ServedFolder folder("list_hidden");
  folder.Write("sub/inside.txt", "12345");
  folder.Write("sub/.hidden", "");
  folder.Write("sub/.git/config", "");
  REQUIRE(::mkfifo(folder.Path("sub/fifo").c_str(), 0644) == 0);
  fs::create_symlink("/etc/passwd", folder.Path("sub/out"));
  fs::create_symlink("/etc", folder.Path("sub/out_folder"));
  fs::create_symlink("../../..", folder.Path("sub/above"));
  fs::create_symlink("nowhere", folder.Path("sub/broken"));
  fs::create_symlink("inside.txt", folder.Path("sub/link"));
  fs::create_symlink("..", folder.Path("sub/root"));
  fs::create_symlink("/etc", folder.Path("etc"));
  FileSite site(folder, kListing);
  const std::string page = site.Get("/sub/").body;
  CHECK(Has(page, "inside.txt"));
  CHECK(Has(page, "<a href=\"./link\">link</a><td>5<td>"));
  CHECK(Has(page, "<a href=\"./root/\">root/</a>"));
  for (const char* absent : {"hidden", "git", "fifo", "out", "above", "broken"}) {
    CAPTURE(absent);
    CHECK_FALSE(Has(page, absent));
  }
  CHECK(site.Get("/etc/").status == 404);
  CHECK(site.Get("/sub/above/").status == 404);
}

TEST_CASE("no name is taken for HTML or for an address") {
  const ServedFolder folder("list_names");
  for (const char* name : {"<script>alert(1)<", "a\" onclick=\"x", "it's & more", "javascript:alert(1)",
                           "a?b#c%41", "line\nfeed", "\xff\xfe", "\xc3\xa4"})
    folder.Write(std::string("<b>/") + name, "");
  FileSite site(folder, kListing);
  const std::string page = site.Get("/%3Cb%3E/").body;
  CHECK(Has(page, "<h1>/&lt;b&gt;/</h1>"));
  CHECK(Has(page, "<a href=\"./%3Cscript%3Ealert%281%29%3C\">&lt;script&gt;alert(1)&lt;</a>"));
  CHECK(Has(page, "<a href=\"./a%22%20onclick%3D%22x\">a&quot; onclick=&quot;x</a>"));
  CHECK(Has(page, "<a href=\"./it%27s%20%26%20more\">it&#39;s &amp; more</a>"));
  CHECK(Has(page, "<a href=\"./javascript%3Aalert%281%29\">"));
  CHECK(Has(page, "<a href=\"./a%3Fb%23c%2541\">a?b#c%41</a>"));
  CHECK(Has(page, "<a href=\"./line%0Afeed\">"));
  CHECK(Has(page, "<a href=\"./%FF%FE\">"));
  CHECK_FALSE(Has(page, "<script"));
  CHECK_FALSE(Has(page, "<b>"));
}

TEST_CASE("a folder with very many entries is listed in part, and says so") {
  const ServedFolder folder("list_many");
  for (int i = 0; i < 2100; ++i) folder.Write(fmt::format("f{}", i), "");
  FileSite site(folder, kListing);
  const std::string page = site.Get("/").body;
  std::size_t rows = 0;
  for (std::size_t at = page.find("<tr>"); at != std::string::npos; at = page.find("<tr>", at + 1)) ++rows;
  CHECK(rows == 2000);
  CHECK(Has(page, "Only 2000 entries"));
}

}  // namespace
}  // namespace preforkd::testing
