// Files of a folder through the whole service: sizes, ranges, conditions, and every way out of the folder.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/loopback/http/http_bed.h"
#include "worker/services/http_service_type.h"

namespace preforkd::testing {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kBigSize = 300'000'000;

// A folder with a secret beside it, made for each test case.
class Folder {
 public:
  Folder()
      : base_(fs::path(std::getenv("TEST_TMPDIR") != nullptr ? std::getenv("TEST_TMPDIR") : "/tmp") /
              "static") {
    fs::remove_all(base_);
    fs::create_directories(Root() / "sub" / "deep");
    fs::create_directories(Root() / "evil.example");
    Write("0", "");
    Write("1", "x");
    Write("thousand.txt", Numbers(1000));
    Write("100k.bin", Numbers(100'000));
    Write("sub/index.html", "<p>sub");
    Write("a b#c.txt", "odd name");
    std::ofstream(base_ / "secret") << "secret";
    fs::create_symlink("thousand.txt", Root() / "inside");
    fs::create_symlink("../secret", Root() / "outside");
    fs::create_symlink(base_ / "secret", Root() / "absolute");
    fs::create_symlink("circle", Root() / "circle");
    fs::create_symlink("/proc/self/root", Root() / "magic");
    REQUIRE(::mkfifo((Root() / "fifo").c_str(), 0644) == 0);
  }
  ~Folder() { fs::remove_all(base_); }

  [[nodiscard]] fs::path Root() const { return base_ / "root"; }
  void Write(const std::string& name, std::string_view text) const { std::ofstream(Root() / name) << text; }
  static std::string Numbers(std::size_t size) {
    std::string text;
    for (std::size_t i = 0; text.size() < size; ++i) text += std::to_string(i) + " ";
    text.resize(size);
    return text;
  }

 private:
  fs::path base_;
};

class Site {
 public:
  Site() : bed_({{"root", folder_.Root()}}, HttpServiceType()) {}

  Answer Ask(std::string_view method, std::string_view target, std::string_view fields = "") {
    const auto client = bed_.Connect();
    bed_.Exchange(*client, std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n" +
                               std::string(fields) + "\r\n");
    bed_.Until([&] {
      client->Read();
      const auto so_far = ParseAnswers(client->Received(), method == "HEAD");
      return !so_far.empty() && so_far.front().status > 0;
    });
    const std::vector<Answer> answers = ParseAnswers(client->Received(), method == "HEAD");
    REQUIRE(answers.size() == 1);
    return answers.front();
  }
  Answer Get(std::string_view target, std::string_view fields = "") { return Ask("GET", target, fields); }
  Folder& Files() { return folder_; }
  HttpBed& Bed() { return bed_; }

 private:
  Folder folder_;
  HttpBed bed_;
};

TEST_CASE("files of all sizes arrive whole") {
  Site site;
  for (const auto& [name, size] :
       {std::pair("/0", 0UL), {"/1", 1UL}, {"/thousand.txt", 1000UL}, {"/100k.bin", 100'000UL}}) {
    CAPTURE(name);
    const Answer answer = site.Get(name);
    CHECK(answer.status == 200);
    CHECK(answer.body == (size <= 1 ? std::string(size, 'x') : Folder::Numbers(size)));
    const Answer head = site.Ask("HEAD", name);
    CHECK(head.status == 200);
    CHECK(head.Field("content-length") == std::to_string(size));
    CHECK(head.Field("etag") == answer.Field("etag"));
  }
  CHECK(site.Get("/thousand.txt").Field("content-type") == "text/plain; charset=utf-8");
  CHECK(site.Get("/100k.bin").Field("content-type") == "application/octet-stream");
  CHECK(site.Get("/a%20b%23c.txt").body == "odd name");
}

TEST_CASE("300 MB go out with back-pressure, and a pipelined request behind them is answered") {
  Site site;
  const fs::path path = site.Files().Root() / "big";
  REQUIRE(::truncate((site.Files().Write("big", ""), path.c_str()), kBigSize) == 0);
  const auto client = site.Bed().Connect();
  site.Bed().Turn();
  client->Write("GET /big HTTP/1.1\r\nHost: a\r\n\r\nGET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  std::uint64_t received = 0;
  std::string tail;
  REQUIRE(site.Bed().Until([&] {
    for (std::size_t got = 1; got > 0;) {
      client->Read(256 * 1024);
      got = client->Received().size();
      received += got;
      if (got > 0)
        tail = (tail + client->Received()).substr(tail.size() + got > 400 ? tail.size() + got - 400 : 0);
      client->Forget();
      site.Bed().Turn();
    }
    return received > kBigSize && tail.ends_with("\r\n\r\nx");
  }));
  CHECK(received < kBigSize + 1000);
}

TEST_CASE("97 a file that shrinks while it is sent ends the response short") {
  Site site;
  const fs::path path = site.Files().Root() / "big";
  site.Files().Write("big", "");
  REQUIRE(::truncate(path.c_str(), kBigSize) == 0);
  const auto client = site.Bed().Connect();
  client->Write("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
  site.Bed().Turn();
  REQUIRE(::truncate(path.c_str(), 10'000'000) == 0);
  CHECK(site.Bed().Until([&] {
    client->Read();
    return client->Ended();
  }));
  CHECK(client->Received().size() < 11'000'000);
  CHECK(site.Bed().Live() == 0);
  CHECK(site.Get("/1").body == "x");
}

TEST_CASE("no path leads out of the folder") {
  Site site;
  const auto status = [&site](std::string_view target) { return site.Get(target).status; };
  CHECK(status("/../secret") == 400);
  CHECK(status("/sub/../../secret") == 400);
  CHECK(status("/%2e%2e/secret") == 400);
  CHECK(status("/..%2fsecret") == 400);
  CHECK(status("/%2e%2e%2fsecret") == 400);
  CHECK(status("/..%5csecret") == 404);
  CHECK(status("/%252e%252e/secret") == 404);
  CHECK(status("/%c0%ae%c0%ae/secret") == 404);
  CHECK(status("//etc/passwd") == 404);
  CHECK(status("/outside") == 404);
  CHECK(status("/absolute") == 404);
  CHECK(status("/circle") == 404);
  CHECK(status("/magic/etc/passwd") == 404);
  CHECK(site.Get("/inside").body == Folder::Numbers(1000));
  CHECK(site.Get("/sub/../thousand.txt").status == 200);
}

TEST_CASE("only regular files are served, and nothing blocks") {
  Site site;
  CHECK(site.Get("/fifo").status == 404);
  CHECK(site.Get("/nothing").status == 404);
  CHECK(site.Get("/thousand.txt/").status == 404);
  CHECK(site.Get("/thousand.txt/x").status == 404);
  CHECK(site.Get("/" + std::string(300, 'n')).status == 404);
  CHECK(site.Get("/sub/deep/").status == 404);  // no index, no listing
  CHECK(site.Get("/").status == 404);
}

TEST_CASE("a folder is its index, after a redirect that stays on this server") {
  Site site;
  CHECK(site.Get("/sub/").body == "<p>sub");
  CHECK(site.Get("/sub/").Field("content-type") == "text/html; charset=utf-8");
  const auto location = [&site](std::string_view target) {
    const Answer answer = site.Get(target);
    CHECK(answer.status == 301);
    return answer.Field("location");
  };
  CHECK(location("/sub") == "/sub/");
  CHECK(location("/sub?a=b&c") == "/sub/?a=b&c");
  CHECK(location("//evil.example") == "/evil.example/");
  CHECK(location("/%2fevil.example") == "/evil.example/");
  CHECK(site.Get("/%5cevil.example").status == 404);
  fs::create_directory(site.Files().Root() / "\\evil\r\n.example");
  CHECK(location("/%5cevil%0d%0a.example") == "/%5Cevil%0D%0A.example/");
}

TEST_CASE("out of descriptors is 503 and one connection less") {
  Site site;
  const auto client = site.Bed().Connect();
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const UniqueFd next(::dup(0));  // the lowest free number: as the limit, it leaves none
  const rlimit none{static_cast<rlim_t>(next.Get()), before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  site.Bed().Exchange(*client, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(ParseAnswers(client->Received()).front().status == 503);
  CHECK(client->Ended());
  CHECK(site.Get("/1").body == "x");
}

TEST_CASE("methods") {
  Site site;
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "TRACE"}) {
    const Answer answer = site.Ask(method, "/1");
    CHECK(answer.status == 405);
    CHECK(answer.Field("allow") == "GET, HEAD, OPTIONS");
  }
  CHECK(site.Ask("OPTIONS", "/1").status == 204);
  CHECK(site.Ask("OPTIONS", "*").Field("allow") == "GET, HEAD, OPTIONS");
}

TEST_CASE("94 ranges") {
  Site site;
  const std::string whole = Folder::Numbers(1000);
  const auto part = [&](const std::string& range) {
    return site.Get("/thousand.txt", "Range: " + range + "\r\n");
  };
  CHECK(part("bytes=0-8").body == whole.substr(0, 9));
  CHECK(part("bytes=0-8").status == 206);
  CHECK(part("bytes=0-8").Field("content-range") == "bytes 0-8/1000");
  CHECK(part("bytes=-10").body == whole.substr(990));
  CHECK(part("bytes=990-").Field("content-range") == "bytes 990-999/1000");
  CHECK(part("bytes=0-10000000").body == whole);
  CHECK(part("bytes=1000-").status == 416);
  CHECK(part("bytes=1000-").Field("content-range") == "bytes */1000");
  for (const char* ignored : {"bytes=5-3", "bytes=alpha", "alpha", "foo=0-1", "bytes=0-1,3-2"}) {
    CAPTURE(ignored);
    CHECK(part(ignored).status == 200);
    CHECK(part(ignored).body == whole);
  }
  std::string thousand = "bytes=0-1";
  for (int i = 0; i < 1000; ++i) thousand += ",0-" + std::to_string(i);
  CHECK(part(thousand).status == 200);
  CHECK(site.Ask("HEAD", "/thousand.txt", "Range: bytes=0-8\r\n").status == 200);
  const Answer big = site.Get("/100k.bin", "Range: bytes=50000-99999\r\n");
  CHECK(big.body == Folder::Numbers(100'000).substr(50'000));
}

TEST_CASE("conditions") {
  Site site;
  const Answer plain = site.Get("/1");
  const std::string etag = plain.Field("etag");
  const std::string date = plain.Field("last-modified");
  const auto status = [&site](const std::string& fields) { return site.Get("/1", fields + "\r\n").status; };
  CHECK(status("If-None-Match: " + etag) == 304);
  CHECK(status("If-None-Match: W/" + etag + ", \"x\"") == 304);
  CHECK(status("If-None-Match: \"x\"\r\nIf-Modified-Since: " + date) == 200);
  CHECK(status("If-Modified-Since: " + date) == 304);
  CHECK(status("If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT") == 200);
  CHECK(status("If-Modified-Since: yesterday") == 200);
  CHECK(status("If-Modified-Since: Sun, 06 Nov 2994 08:49:37 GMT") == 200);
  CHECK(status("If-Match: " + etag) == 200);
  CHECK(status("If-Match: \"x\"") == 412);
  CHECK(status("If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT") == 412);
  CHECK(status("Range: bytes=0-0\r\nIf-Range: " + etag) == 206);
  CHECK(status("Range: bytes=0-0\r\nIf-Range: \"x\"") == 200);
  const Answer same = site.Get("/1", "If-None-Match: " + etag + "\r\n");
  CHECK(same.Field("etag") == etag);
  CHECK(same.Field("content-length").empty());
}

TEST_CASE("a root that cannot be opened is an error of the start") {
  HttpBed bed({}, Mirror);
  const ServiceType type = HttpServiceType();
  const auto service = type.factory(ConfigOf(type, {{"root", "/nonexistent/folder"}}), bed.Env());
  REQUIRE_FALSE(service.Ok());
  CHECK(service.Err().text.find("/nonexistent/folder") != std::string::npos);
}

}  // namespace
}  // namespace preforkd::testing
