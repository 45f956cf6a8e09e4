// Files and compressed answers as curl gets them from the real program: siblings, ranges, types, lists.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/command.h"
#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/temp_directory.h"

namespace preforkd::testing {
namespace {

std::string Numbers(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; text.size() < size; ++i) text += fmt::format("{} ", i * i);
  text.resize(size);
  return text;
}

bool CurlIsThere() {
  const bool there = std::filesystem::exists("/usr/bin/curl");
  if (!there) MESSAGE("skipped: curl is not installed");
  return there;
}

// A site with every setting of files, at the first address; the status page, compressed, at
// the second.
class Site {
 public:
  explicit Site(const ConfigSettings& more = {}) {
    WriteFile(folder_.Path("page.txt"), Numbers(100'000));
    WriteFile(folder_.Path("list.m3u8"), "#EXTM3U\n");
    WriteFile(folder_.Path("clip.m4x"), "clip");
    std::filesystem::create_directory(folder_.Path("sub"));
    WriteFile(folder_.Path("sub/one.css"), "a{}");
    REQUIRE(RunCommand({"/usr/bin/gzip", "-k", folder_.Path("page.txt")}).code == 0);
    ConfigSettings settings = {{"root", folder_.Path()}, {"precompressed", "br, gzip"}, {"listing", true}};
    settings.insert(settings.end(), more.begin(), more.end());
    daemon_.WriteConfig(ConfigText()
                            .Workers(2)
                            .Listen("web")
                            .Service("web", "http", settings)
                            .Listen("status", "127.0.0.2:0")
                            .Service("status", "status", {{"compress", "br, gzip"}}));
    daemon_.Serve(2);
  }
  // What curl prints.
  std::string Curl(const std::string& path, std::vector<std::string> options = {}, std::size_t listener = 0) {
    std::vector<std::string> words = {"/usr/bin/curl", "--silent", "--show-error", "--max-time", "20"};
    words.insert(words.end(), options.begin(), options.end());
    words.push_back("http://" + daemon_.Address(listener) + path);
    const CommandResult result = RunCommand(words);
    CHECK(result.err == "");
    CHECK(result.code == 0);
    return result.out;
  }
  [[nodiscard]] std::string Path(const std::string& name) const { return folder_.Path(name); }

 private:
  TempDirectory folder_;
  DaemonProcess daemon_;
};

bool Has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_CASE("curl --compressed gets the sibling, and the bytes of the file") {
  if (!CurlIsThere()) return;
  Site site;
  const std::string head = site.Curl("/page.txt", {"--compressed", "--head"});
  CHECK(Has(head, "Content-Encoding: gzip\r\n"));
  CHECK(Has(head, "Vary: Accept-Encoding\r\n"));
  CHECK(Has(head, "Content-Type: text/plain; charset=utf-8\r\n"));
  CHECK(
      Has(head, fmt::format("Content-Length: {}\r\n", std::filesystem::file_size(site.Path("page.txt.gz")))));
  CHECK(site.Curl("/page.txt", {"--compressed"}) == Numbers(100'000));
  CHECK(site.Curl("/page.txt") == Numbers(100'000));
  CHECK(site.Curl("/page.txt", {"--header", "Accept-Encoding: gzip"}) == ReadFile(site.Path("page.txt.gz")));
}

TEST_CASE("curl --range with several ranges gets the bytes of the file") {
  if (!CurlIsThere()) return;
  Site site;
  const std::string file = Numbers(100'000);
  CHECK(site.Curl("/page.txt", {"--range", "0-1,5-6"}) == file.substr(0, 7));
  CHECK(site.Curl("/page.txt", {"--range", "500-999"}) == file.substr(500, 500));
  const std::string parts = site.Curl("/page.txt", {"--range", "0-9,5000-59999,-10"});
  const std::string boundary = parts.substr(0, parts.find("\r\n"));
  std::string expected;
  for (const auto& [first, last] : {std::pair(0, 9), {5000, 59999}, {99990, 99999}}) {
    expected += fmt::format(
        "{}{}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes {}-{}/100000\r\n\r\n",
        first == 0 ? "" : "\r\n", boundary, first, last);
    expected += file.substr(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first + 1));
  }
  CHECK(parts == expected + "\r\n" + boundary + "--\r\n");
}

TEST_CASE("types and the charset are those of the settings") {
  if (!CurlIsThere()) return;
  Site site({{"types", "m4x video/x-m4x"}, {"charset", "koi8-r"}});
  CHECK(Has(site.Curl("/list.m3u8", {"--head"}), "Content-Type: application/vnd.apple.mpegurl\r\n"));
  CHECK(Has(site.Curl("/clip.m4x", {"--head"}), "Content-Type: video/x-m4x\r\n"));
  CHECK(Has(site.Curl("/page.txt", {"--head"}), "Content-Type: text/plain; charset=koi8-r\r\n"));
}

TEST_CASE("a folder is listed") {
  if (!CurlIsThere()) return;
  Site site;
  CHECK(Has(site.Curl("/"), "<a href=\"./sub/\">sub/</a>"));
  CHECK(Has(site.Curl("/sub", {"--location"}), "<a href=\"./one.css\">one.css</a><td>3<td>"));
}

TEST_CASE("a page of a handler is compressed, and is the same page") {
  if (!CurlIsThere()) return;
  Site site;
  const std::string plain = site.Curl("/", {}, 1);
  for (const char* coding : {"gzip", "br"}) {
    CAPTURE(coding);
    const std::vector<std::string> options = {"--compressed", "--header",
                                              fmt::format("Accept-Encoding: {}", coding)};
    CHECK(site.Curl("/", options, 1) == plain);
    std::vector<std::string> head = options;
    head.push_back("--head");
    CHECK(Has(site.Curl("/", head, 1), fmt::format("Content-Encoding: {}\r\n", coding)));
  }
  CHECK(Has(site.Curl("/metrics", {"--compressed"}, 1), "preforkd_build_info"));
}

TEST_CASE("a line of types that is none is an error with its place") {
  TempDirectory folder;
  WriteFile(folder.Path("a.toml"),
            "[[listen]]\naddress = \"127.0.0.1:0\"\nservice = \"web\"\n[service.web]\ntype = \"http\"\n"
            "root = \"/\"\ntypes = [\"m3u8 audio/x-mpegurl\", \"foo\"]\n");
  const CommandResult result = RunCommand({RunfilePath("preforkd"), "--check", "-c", folder.Path("a.toml")});
  CHECK(result.code == 78);
  CHECK(Has(result.err + result.out, "a.toml:7:"));
  CHECK(Has(result.err + result.out, "'foo' names no type"));
}

}  // namespace
}  // namespace preforkd::testing
