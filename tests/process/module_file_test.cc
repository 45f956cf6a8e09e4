// A generation serves the file of a module that was checked for it, whatever has become of its path.
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <unistd.h>

#include <csignal>
#include <set>
#include <string>
#include <vector>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/fd_snapshot.h"
#include "tests/support/http_client.h"
#include "tests/support/temp_directory.h"
#include "tests/support/wait_until.h"

namespace preforkd::testing {
namespace {

std::string ModulePath(const std::string& name) { return RunfilePath("tests/module/" + name + ".so"); }

// One file under one name, replaced by rename as an operator does it.
class ServedFile {
 public:
  ServedFile() { Put("blocker"); }
  void Put(const std::string& name) { WriteFile(Path(), ReadFile(ModulePath(name))); }
  [[nodiscard]] std::string Path() const { return folder_.Path("served.so"); }

 private:
  TempDirectory folder_;
};

ConfigText Config(const ServedFile& file) {
  return ConfigText().Workers(2).Listen("m").Service("m", "module", {{"path", file.Path()}});
}

std::string Version(const DaemonProcess& daemon) {
  HttpClient client(daemon.Address());
  return client.Get("/version").value_or(HttpResponse{}).body;
}

// Workers of the same generation.
void KillAll(DaemonProcess& daemon) {
  const std::size_t ready = daemon.CountEvents("worker_ready");
  const std::vector<pid_t> before = daemon.WorkerPids();
  for (const pid_t pid : before) REQUIRE(::kill(pid, SIGKILL) == 0);
  REQUIRE(daemon.WaitForEvent("worker_ready", ready + before.size()));
  REQUIRE(daemon.AwaitWorkers(before.size()));
}

void ExpectOldUntilReload(DaemonProcess& daemon, ServedFile& file, const std::string& next) {
  REQUIRE(Version(daemon) == "v1 done\n");
  file.Put(next);
  for (int i = 0; i < 2; ++i) {
    KillAll(daemon);
    CHECK(Version(daemon) == "v1 done\n");
  }
  CHECK(daemon.CountEvents("start_failed") == 0);
}

}  // namespace

TEST_CASE("a worker that starts between a rename and a reload serves the file that was checked") {
  for (const std::string user : {"", "nobody"}) {
    if (!user.empty() && ::geteuid() != 0) continue;
    CAPTURE(user);
    ServedFile file;
    DaemonProcess daemon;
    daemon.ExpectEvent("worker_exited exit=SIGKILL");
    daemon.WriteConfig(user.empty() ? Config(file) : Config(file).Set("user", user));
    daemon.Serve(2);
    ExpectOldUntilReload(daemon, file, "blocker_v2");
    REQUIRE(daemon.Reload());
    REQUIRE(daemon.AwaitWorkers(2));
    CHECK(Version(daemon) == "v2 done\n");
    KillAll(daemon);
    CHECK(Version(daemon) == "v2 done\n");
  }
}

TEST_CASE("the same if the new file has other settings, or is no module, or there is none") {
  ServedFile file;
  DaemonProcess daemon;
  daemon.ExpectEvent("worker_exited exit=SIGKILL");
  daemon.WriteConfig(Config(file));
  daemon.Serve(2);
  ExpectOldUntilReload(daemon, file, "rogue");  // with a setting, and without counters
  file.Put("rogue_no_symbol");
  KillAll(daemon);
  CHECK(Version(daemon) == "v1 done\n");
  REQUIRE(::unlink(file.Path().c_str()) == 0);
  KillAll(daemon);
  CHECK(Version(daemon) == "v1 done\n");
  CHECK_FALSE(daemon.Reload());
  file.Put("rogue");
  REQUIRE(daemon.Reload());
  REQUIRE(daemon.AwaitWorkers(2));
  HttpClient client(daemon.Address());
  CHECK(client.Get("/twice").value_or(HttpResponse{}).body == "first");
}

TEST_CASE("a reload that is refused leaves the file that is served") {
  ServedFile file;
  DaemonProcess daemon;
  daemon.ExpectEvent("worker_exited exit=SIGKILL");
  daemon.WriteConfig(Config(file));
  daemon.Serve(2);
  REQUIRE(Version(daemon) == "v1 done\n");
  file.Put("rogue_abi");
  CHECK_FALSE(daemon.Reload());
  KillAll(daemon);
  CHECK(Version(daemon) == "v1 done\n");
}

TEST_CASE("an upgrade takes the new file, and one that cannot start leaves the old") {
  ServedFile file;
  DaemonProcess daemon;
  daemon.ExpectEvent("worker_exited exit=SIGKILL");
  daemon.WriteConfig(Config(file));
  daemon.Serve(2);
  REQUIRE(Version(daemon) == "v1 done\n");
  file.Put("rogue_abi");
  daemon.Signal(SIGUSR2);
  REQUIRE(daemon.WaitForEvent("upgrade_refused"));
  KillAll(daemon);
  CHECK(Version(daemon) == "v1 done\n");
  file.Put("blocker_v2");
  daemon.Signal(SIGUSR2);
  REQUIRE(daemon.WaitForEvent("upgrade_done"));
  REQUIRE(daemon.AwaitWorkers(2));
  CHECK(Version(daemon) == "v2 done\n");
  file.Put("blocker");
  KillAll(daemon);
  CHECK(Version(daemon) == "v2 done\n");
}

TEST_CASE("the master holds one descriptor for each module, over twenty reloads and new files") {
  ServedFile file;
  DaemonProcess daemon;
  daemon.WriteConfig(Config(file));
  daemon.Serve(2);
  const auto files = [&] { return FdSnapshot::Of(daemon.MasterPid()).Count("module"); };
  const int at_first = files();
  CHECK(at_first == 1);
  for (int round = 1; round <= 20; ++round) {
    CAPTURE(round);
    file.Put(round % 2 == 0 ? "blocker" : "blocker_v2");
    REQUIRE(daemon.Reload());
    REQUIRE(daemon.AwaitWorkers(2));
    CHECK(Version(daemon) == (round % 2 == 0 ? "v1 done\n" : "v2 done\n"));
  }
  CHECK(WaitUntil(kTimeout, [&] { return files() == at_first; }));
}

TEST_CASE("a worker has the files of its own modules only") {
  ServedFile file;
  DaemonProcess daemon;
  daemon.WriteConfig(Config(file)
                         .Listen("chat", "127.0.0.2:0")
                         .Service("chat", "module", {{"path", ModulePath("chat")}})
                         .Set("service.chat.pool", "chat")
                         .Pool("chat", {{"workers", 1}}));
  daemon.Serve(3);
  std::multiset<std::string> held;
  for (const pid_t worker : daemon.WorkerPids()) {
    const FdSnapshot snapshot = FdSnapshot::Of(worker);
    CHECK(snapshot.Count("module") == 1);
    for (const auto& [fd, target] : snapshot.Targets()) {
      if (target.ends_with(".so")) held.insert(target.substr(target.rfind('/') + 1));
    }
  }
  CHECK(held == std::multiset<std::string>{"served.so", "served.so", "chat.so"});
}

}  // namespace preforkd::testing
