// The served folder changes while the server runs: it is removed and created again, renamed, or a symlink to
// it is switched, as deployments do. Clients on kept connections get the new files within a second.
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"
#include "tests/support/temp_directory.h"

namespace preforkd::testing {
namespace {

namespace fs = std::filesystem;

constexpr Duration kOneSecond = std::chrono::seconds(1);
constexpr int kClients = 10;

// Releases of a site beside one another.
class Releases {
 public:
  Releases() {
    Add("1", "old\n");
    Add("2", "new\n");
    fs::create_directory_symlink("releases/1", Path("current"));
  }
  [[nodiscard]] std::string Path(const std::string& name) const { return folder_.Path(name); }
  void Add(const std::string& name, const std::string& text) const {
    fs::create_directories(Path("releases/" + name + "/public"));
    WriteFile(Path("releases/" + name + "/page"), text);
    WriteFile(Path("releases/" + name + "/public/page"), text);
  }
  // Atomically, as a deployment does.
  void Switch(const std::string& target) const {
    fs::create_directory_symlink(target, Path("next"));
    fs::rename(Path("next"), Path("current"));
  }

 private:
  TempDirectory folder_;
};

void Serve(DaemonProcess& daemon, const std::string& root) {
  daemon.Serve(2, {"--service", "http", "--root", root, "--listen", "127.0.0.1:0", "--workers", "2"});
}

// "200 body" or only the status, on the existing connection of the client.
std::string Ask(HttpClient& client) {
  const std::optional<HttpResponse> response = client.Get("/page");
  if (!response) return "no answer";
  return response->status == 200 ? "200 " + response->body : fmt::format("{}", response->status);
}

class Clients {
 public:
  explicit Clients(const DaemonProcess& daemon) {
    for (int i = 0; i < kClients; ++i) clients_.emplace_back(daemon.Address());
  }
  bool AllGet(const std::string& answer) {
    for (HttpClient& client : clients_) {
      if (Ask(client) != answer) return false;
    }
    return true;
  }
  // Asks while `change` is made and for more than a second after it. Each answer is `before` or `after`, and
  // a second after the change it is always `after`.
  void CheckChange(const std::string& before, const std::string& after, const std::function<void()>& change) {
    CHECK(AllGet(before));
    change();
    const Time changed = Now();
    for (bool late = false; !late;) {
      late = Now() - changed > kOneSecond;
      for (HttpClient& client : clients_) {
        const std::string got = Ask(client);
        const bool right = got == after || (!late && got == before);
        CAPTURE(late);
        CAPTURE(before);
        CAPTURE(after);
        if (!right) REQUIRE(got == after);
      }
    }
  }

 private:
  std::vector<HttpClient> clients_;
};

bool CanBecomeNobody() {
  const std::string map = ReadFile("/proc/self/uid_map");
  unsigned long inside = 0, outside = 0, count = 0;
  const bool read = std::sscanf(map.c_str(), "%lu %lu %lu", &inside, &outside, &count) == 3;
  const bool can = ::geteuid() == 0 && read && count > 65534 && ::getpwnam("nobody") != nullptr;
  if (!can) MESSAGE("skipped: needs root and more than one user id");
  return can;
}

}  // namespace

TEST_CASE("a symlink is switched to the new release, and back, without a wrong answer in between") {
  Releases releases;
  DaemonProcess daemon;
  Serve(daemon, releases.Path("current"));
  Clients clients(daemon);
  clients.CheckChange("200 old\n", "200 new\n", [&] { releases.Switch("releases/2"); });
  clients.CheckChange("200 new\n", "200 old\n", [&] { releases.Switch("releases/1"); });
}

TEST_CASE("a symlink in the middle of the path is switched, and the old release is removed at once") {
  Releases releases;
  DaemonProcess daemon;
  Serve(daemon, releases.Path("current/public"));
  Clients clients(daemon);
  clients.CheckChange("200 old\n", "200 new\n", [&] {
    releases.Switch("releases/2");
    fs::remove_all(releases.Path("releases/1"));
  });
}

TEST_CASE("the served folder is renamed and another takes its name") {
  Releases releases;
  DaemonProcess daemon;
  Serve(daemon, releases.Path("releases/1"));
  Clients clients(daemon);
  clients.CheckChange("200 old\n", "200 new\n", [&] {
    fs::rename(releases.Path("releases/1"), releases.Path("releases/0"));
    fs::rename(releases.Path("releases/2"), releases.Path("releases/1"));
  });
}

TEST_CASE("a root that is removed gives 404 and a log line, and the new files when it is created again") {
  Releases releases;
  DaemonProcess daemon;
  const std::string root = releases.Path("releases/1");
  Serve(daemon, root);
  Clients clients(daemon);
  clients.CheckChange("200 old\n", "404", [&] { fs::remove_all(root); });
  CHECK(daemon.WaitForEvent("root_missing path=" + root));
  clients.CheckChange("404", "200 newer\n", [&] { releases.Add("1", "newer\n"); });
  CHECK(daemon.WaitForEvent("root_restored path=" + root));
  // A file where the folder was.
  clients.CheckChange("200 newer\n", "404", [&] {
    fs::remove_all(root);
    WriteFile(root, "a file");
  });
  clients.CheckChange("404", "200 newest\n", [&] {
    fs::remove(root);
    releases.Add("1", "newest\n");
  });
  // A symlink to itself.
  clients.CheckChange("200 newest\n", "404", [&] {
    fs::rename(root, releases.Path("releases/2x"));
    fs::create_directory_symlink("1", root);
  });
  clients.CheckChange("404", "200 newest\n", [&] {
    fs::remove(root);
    fs::create_directory_symlink("2x", root);
  });
}

TEST_CASE("workers of another user: a folder that they may not enter gives 403 until they may") {
  if (!CanBecomeNobody()) return;
  Releases releases;
  REQUIRE(::chmod(releases.Path("").c_str(), 0755) == 0);
  DaemonProcess daemon;
  daemon.Serve(2, {"--service", "http", "--root", releases.Path("current"), "--listen", "127.0.0.1:0",
                   "--workers", "2", "--user", "nobody"});
  Clients clients(daemon);
  clients.CheckChange("200 old\n", "200 new\n", [&] { releases.Switch("releases/2"); });
  clients.CheckChange("200 new\n", "403",
                      [&] { REQUIRE(::chmod(releases.Path("releases/2").c_str(), 0700) == 0); });
  clients.CheckChange("403", "200 new\n",
                      [&] { REQUIRE(::chmod(releases.Path("releases/2").c_str(), 0755) == 0); });
  // A folder above it.
  clients.CheckChange("200 new\n", "403",
                      [&] { REQUIRE(::chmod(releases.Path("releases").c_str(), 0700) == 0); });
  clients.CheckChange("403", "200 new\n",
                      [&] { REQUIRE(::chmod(releases.Path("releases").c_str(), 0755) == 0); });
}

TEST_CASE(
    "workers in worker.chroot: a switched relative symlink is followed, an absolute one only after a "
    "reload") {
  if (!CanBecomeNobody()) return;
  for (const bool absolute : {false, true}) {
    CAPTURE(absolute);
    Releases releases;
    REQUIRE(::chmod(releases.Path("").c_str(), 0755) == 0);
    if (absolute) releases.Switch(releases.Path("releases/1"));
    DaemonProcess daemon;
    daemon.WriteConfig(ConfigText()
                           .Workers(2)
                           .Set("user", "nobody")
                           .Set("worker.chroot", releases.Path(""))
                           .Listen("site")
                           .Service("site", "http", {{"root", releases.Path("current")}}));
    daemon.Serve(2);
    Clients clients(daemon);
    if (!absolute) {
      clients.CheckChange("200 old\n", "200 new\n", [&] { releases.Switch("releases/2"); });
      // An absolute target, as a process inside sees it.
      clients.CheckChange("200 new\n", "200 old\n", [&] { releases.Switch("/releases/1"); });
      clients.CheckChange("200 old\n", "404", [&] { releases.Switch("/etc"); });
      continue;
    }
    CHECK(daemon.AwaitEvents("root_fixed service=site", 2) == 2);
    // The target was resolved outside the chroot; a folder that is created there again is found.
    clients.CheckChange("200 old\n", "200 newer\n", [&] {
      fs::remove_all(releases.Path("releases/1"));
      releases.Add("1", "newer\n");
    });
    releases.Switch(releases.Path("releases/2"));
    CHECK(daemon.Reload());
    CHECK(WaitUntil(kTimeout, [&] { return clients.AllGet("200 new\n"); }));
  }
}

}  // namespace preforkd::testing
