// `preforkd --explain` beside the server: for the same files both say the same.
#include "worker/http/place/explain.h"

#include <doctest/doctest.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/loopback/http/file_site.h"
#include "tests/loopback/http/place_site.h"

namespace preforkd::testing {
namespace {

// Permissions of files hold for root, too.
void HoldPermissions() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  REQUIRE(::syscall(SYS_capget, &header, data.data()) == 0);
  data[0].effective &= ~(1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH);
  REQUIRE(::syscall(SYS_capset, &header, data.data()) == 0);
}

TEST_CASE("--explain says what the server answers") {
  const ServedFolder folder("explained");
  folder.Write("a.txt", "0123456789");
  folder.Write("app.html", "application");
  folder.Write("closed.txt", "nobody may read it");
  folder.Write("closed/a.txt", "nor this");
  folder.Write("sub/index.html", "index");
  folder.Write("guarded/index.html", "guarded");
  folder.Write("odd/index.html/x", "a folder named like the index");
  folder.Write("bare/x", "x");
  folder.Write("back/index.html", "canonical");
  folder.Write("closed-back/index.html", "canonical, and guarded");
  REQUIRE(::mkfifo(folder.Path("fifo").c_str(), 0600) == 0);
  REQUIRE(::mkfifo(folder.Path("bare/fifo").c_str(), 0600) == 0);
  std::filesystem::create_symlink("/etc/passwd", folder.Path("out"));
  std::filesystem::create_symlink("loop", folder.Path("loop"));
  REQUIRE(::chmod(folder.Path("closed.txt").c_str(), 0) == 0);
  REQUIRE(::chmod(folder.Path("closed").c_str(), 0) == 0);
  HoldPermissions();

  const std::string root = folder.Path();
  const std::vector<SettingsTable> tables = {
      HostTable("plain", {{"root", root}}),
      HostTable("spa", {{"root", root}, {"fallback", "app.html"}},
                {LocationTable("/closed-too", {{"fallback", "closed.txt"}}),
                 LocationTable("/nothing", {{"fallback", "none"}}),
                 LocationTable("/app.html", {{"denied", "403"}})}),
      HostTable("list", {{"root", root}, {"listing", "true"}}),
      HostTable("below", {}, {LocationTable("/l", {{"root", root}, {"fallback", "sub"}})}),
      LocationTable("/guarded/index.html", {{"denied", "403"}}),
      LocationTable("/back/index.html", {{"redirect", "/back/"}}),
      LocationTable("/closed-back/index.html", {{"redirect", "/closed-back/"}, {"allow", "unix"}}),
  };
  Site site({}, tables);
  ServiceConfig config = ConfigOf(HttpServiceType(), {});
  config.tables = tables;
  const auto explain = [&](const std::string& host, const std::string& target) {
    const Result<std::string> said =
        ExplainPlace(config, {.tls = false, .authority = host, .target = target});
    REQUIRE(said.Ok());
    const std::size_t at = said.Value().find("answer     ") + 11;
    return said.Value().substr(at, said.Value().find('\n', at) - at);
  };
  int asked = 0;
  for (const char* host : {"plain", "spa", "list", "below", "unknown"}) {
    for (const char* path : {"/",
                             "/a.txt",
                             "/a.txt/",
                             "/app.html",
                             "/none",
                             "/none/",
                             "/sub",
                             "/sub/",
                             "/fifo",
                             "/closed.txt",
                             "/closed/a.txt",
                             "/closed/",
                             "/guarded/",
                             "/guarded/index.html",
                             "/back/",
                             "/back/index.html",
                             "/closed-back/",
                             "/odd/",
                             "/odd",
                             "/bare/",
                             "/bare/fifo",
                             "/out",
                             "/loop",
                             "/.hidden",
                             "/closed-too/x",
                             "/nothing/x",
                             "/l",
                             "/l/",
                             "/l/a.txt",
                             "/l/none"}) {
      CAPTURE(host);
      CAPTURE(path);
      const std::string said = explain(host, path);
      CAPTURE(said);
      const Answer answer = site.Get(host, path);
      ++asked;
      if (said.starts_with("the file ")) {
        CHECK(answer.status == 200);
        CHECK(said.find(", " + std::to_string(answer.body.size()) + " bytes") != std::string::npos);
      } else if (said.starts_with("a list ")) {
        CHECK(answer.status == 200);
        CHECK(answer.body.find("<html") != std::string::npos);
      } else {
        CHECK(said.substr(0, 3) == std::to_string(answer.status));
      }
    }
  }
  CHECK(asked == 150);
  CHECK(explain("plain", "/back/").starts_with("the file "));
  CHECK(explain("plain", "/closed-back/") == "301, to /closed-back/");
  // What it said otherwise before: a FIFO where there is a fallback, and a file without permission.
  CHECK(explain("plain", "/fifo").ends_with("/fifo is not a file"));
  CHECK(explain("spa", "/bare/fifo") == "403: denied");
  CHECK(explain("spa", "/closed.txt").starts_with("403: "));
  CHECK(::chmod(folder.Path("closed").c_str(), 0700) == 0);
}

}  // namespace
}  // namespace preforkd::testing
