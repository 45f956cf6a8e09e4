// The served folder, by its path, while that path comes to lead elsewhere or nowhere. The clock is
// the test's.
#include "worker/http/files/served_root.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/loopback/http/http_bed.h"
#include "worker/services/http_service_type.h"

namespace preforkd::testing {
namespace {

namespace fs = std::filesystem;

constexpr Duration kLittle = std::chrono::milliseconds(1);
constexpr Duration kSecond = std::chrono::seconds(1);

// Two releases and a symlink to the first of them.
class Releases {
 public:
  Releases() {
    const char* folder = std::getenv("TEST_TMPDIR");
    base_ = fs::path(folder != nullptr ? folder : "/tmp") / "served_root";
    fs::remove_all(base_);
    Add("1", "old");
    Add("2", "new");
    fs::create_directory_symlink("1", base_ / "current");
  }
  ~Releases() { fs::remove_all(base_); }
  void Add(const std::string& name, const std::string& text) const {
    fs::create_directories(base_ / name / "public");
    std::ofstream(base_ / name / "page") << text;
    std::ofstream(base_ / name / "public" / "page") << text;
  }
  void Switch(const std::string& target) const {
    fs::create_directory_symlink(target, base_ / "next");
    fs::rename(base_ / "next", base_ / "current");
  }
  [[nodiscard]] fs::path Path(const std::string& name) const { return base_ / name; }

 private:
  fs::path base_;
};

class Root {
 public:
  explicit Root(const fs::path& path) : root_(std::move(http::ServedRoot::Open(path, now_)).Value()) {}
  // The page's content, `later` than the last time; the name of the errno if it cannot be opened.
  std::string Page(Duration later, const char* name = "page") {
    now_ += later;
    const http::Beneath::Opened opened = root_.OpenFile(name, now_);
    if (!opened.fd.Valid()) return ::strerrorname_np(opened.errnum);
    std::string text(100, '\0');
    const ssize_t size = ::pread(opened.fd.Get(), text.data(), text.size(), 0);
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return text;
  }

 private:
  Time now_ = Time(std::chrono::hours(1));
  http::ServedRoot root_;
};

// No descriptor is free while it lives.
class NoDescriptors {
 public:
  NoDescriptors() {
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    const UniqueFd next(::dup(0));  // the lowest free number: as the limit, it leaves none
    const rlimit none{static_cast<rlim_t>(next.Get()), before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  }
  ~NoDescriptors() { (void)::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("a switched symlink is followed a second after the last check, wherever in the path it is") {
  for (const char* path : {"current", "current/", "current/public", "current/../current/public/"}) {
    CAPTURE(path);
    Releases releases;
    Root root(releases.Path(path));
    releases.Switch("2");
    CHECK(root.Page(kSecond - kLittle) == "old");
    CHECK(root.Page(kLittle) == "new");
    releases.Switch("1");
    CHECK(root.Page(kSecond - kLittle) == "new");
    CHECK(root.Page(kLittle) == "old");
  }
}

TEST_CASE("a missing file causes a check at once: the old release may be gone already") {
  Releases releases;
  Root root(releases.Path("current"));
  CHECK(root.Page(kSecond) == "old");  // has just checked
  releases.Switch("2");
  fs::remove(releases.Path("1/page"));
  CHECK(root.Page(Duration(0)) == "new");
  // With too many missing files, not each of them causes a check.
  for (int i = 0; i < http::CheckSchedule::kMissesAtOnce; ++i)
    CHECK(root.Page(Duration(0), "none") == "ENOENT");
  releases.Switch("1");
  CHECK(root.Page(Duration(0), "none") == "ENOENT");
  CHECK(root.Page(Duration(0)) == "new");
  CHECK(root.Page(http::CheckSchedule::kPerMiss, "none") == "ENOENT");
  CHECK(root.Page(Duration(0)) == "ENOENT");  // it has checked: the page is removed there
}

TEST_CASE("folders that change places, and one that is removed and made again") {
  Releases releases;
  Root root(releases.Path("1"));
  fs::rename(releases.Path("1"), releases.Path("0"));
  fs::rename(releases.Path("2"), releases.Path("1"));
  CHECK(root.Page(kSecond) == "new");
  fs::remove_all(releases.Path("1"));
  CHECK(root.Page(kLittle) == "ENOENT");
  releases.Add("1", "newer");
  CHECK(root.Page(kLittle) == "newer");
}

TEST_CASE("a path that leads nowhere: every file is missing as the path is, and comes back with it") {
  Releases releases;
  Root root(releases.Path("current"));
  fs::remove(releases.Path("current"));
  CHECK(root.Page(kSecond) == "ENOENT");
  std::ofstream(releases.Path("current")) << "a file";
  CHECK(root.Page(kLittle) == "ENOTDIR");
  releases.Switch("current");
  CHECK(root.Page(kLittle) == "ELOOP");
  releases.Switch("1/page");
  CHECK(root.Page(kLittle) == "ENOTDIR");
  releases.Switch("2");
  CHECK(root.Page(kLittle) == "new");
}

TEST_CASE("out of descriptors: the folder that is open stays") {
  Releases releases;
  Root root(releases.Path("current"));
  releases.Switch("2");
  {
    const NoDescriptors none;
    CHECK(root.Page(kSecond) == "EMFILE");
  }
  CHECK(root.Page(kLittle) == "old");
  CHECK(root.Page(kSecond) == "new");
  fs::remove(releases.Path("current"));
  CHECK(root.Page(kSecond) == "ENOENT");
  {
    const NoDescriptors none;
    CHECK(root.Page(kLittle) == "ENOENT");
  }
  releases.Switch("2");
  CHECK(root.Page(kLittle) == "new");
}

TEST_CASE("an answer in progress comes from the folder in which it was begun") {
  constexpr std::uint64_t kSize = 20'000'000;
  Releases releases;
  REQUIRE(::truncate(releases.Path("1/page").c_str(), kSize) == 0);
  HttpBed bed({{"root", releases.Path("current")}}, HttpServiceType());
  const auto client = bed.Connect();
  client->Write("GET /page HTTP/1.1\r\nHost: a\r\n\r\n");
  bed.Turn();
  releases.Switch("2");
  fs::remove_all(releases.Path("1"));
  const auto other = bed.Connect();
  CHECK(bed.Until([&] {
    other->Forget();
    bed.Exchange(*other, "GET /page HTTP/1.1\r\nHost: a\r\n\r\n");
    return other->Received().ends_with("\r\n\r\nnew");
  }));
  CHECK(bed.Until([&] {
    client->Read();
    return client->Received().size() > kSize;
  }));
  const auto answers = ParseAnswers(client->Received());
  REQUIRE(answers.size() == 1);
  CHECK(answers.front().status == 200);
  CHECK(answers.front().body.size() == kSize);
}

}  // namespace preforkd::testing
