// Modules from the outside, up to the moment when one serves: --check, start, reload, upgrade, --module and
// --try. The program opens modules and never calls their handlers (tests/module_probe/stub_module.h).
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <csignal>
#include <string>
#include <vector>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"

namespace preforkd::testing {
namespace {

constexpr const char* kStubs = "tests/module_probe/preforkd_with_stubs";

bool Contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::string PathOf(const std::string& sample) { return RunfilePath("tests/module_probe/" + sample + ".so"); }

// One file under one name, replaced by rename as an operator does it.
class ModuleFile {
 public:
  explicit ModuleFile(const std::string& sample) { Put(sample); }
  void Put(const std::string& sample) { WriteFile(Path(), ReadFile(PathOf(sample))); }
  [[nodiscard]] std::string Path() const { return folder_.Path("shop.so"); }

 private:
  TempDirectory folder_;
};

ConfigText Config(const std::string& path, const ConfigSettings& more = {{"token", "x"}}) {
  ConfigSettings settings = {{"path", path}};
  settings.insert(settings.end(), more.begin(), more.end());
  return ConfigText().Workers(2).Listen("shop").Service("shop", "module", settings);
}

std::string BodyOf(const DaemonProcess& daemon) {
  HttpClient client(daemon.Address());
  const auto response = client.Get("/x");
  return response ? response->body : "no answer";
}

// A reload that is refused or abandoned, with this in its reason; the old generation serves on.
void ExpectRefusal(DaemonProcess& daemon, const std::string& event) {
  const std::size_t before = daemon.CountEvents(event);
  daemon.Signal(SIGHUP);
  CHECK_MESSAGE(daemon.WaitForEvent(event, before + 1), event);
  CHECK(BodyOf(daemon) == "/x sample token \n");
}

}  // namespace

TEST_CASE("--check opens modules, starts a worker of each pool, and says why one cannot start") {
  const auto check = [](const ConfigText& config) {
    DaemonProcess daemon(kStubs);
    daemon.WriteConfig(config);
    const int code = daemon.Run({"--check"});
    return fmt::format("{} {}{}", code, daemon.Output(), daemon.Stderr());
  };
  CHECK(check(Config(PathOf("good"))) == "0 configuration ok\n");
  CHECK(Contains(check(Config(PathOf("good"), {})), "[service.shop] has no token; write one: a secret"));
  CHECK(Contains(check(Config(PathOf("newer"))), "is built for interface 2, this server has 1"));
  CHECK(Contains(check(Config(PathOf("crashes"))), "crashed with SIGSEGV while it was opened"));
  const std::string failed = check(Config(PathOf("init_fails")));
  CHECK(failed.starts_with("78 "));
  CHECK(Contains(
      failed,
      ": service.shop.path: a worker exited before it was ready: service shop: the module's init failed: no "
      "database\n"));
  CHECK(Contains(failed, "preforkd.toml:"));
  const std::string crashed = check(Config(PathOf("init_crashes")));
  CHECK(Contains(crashed, ": service.shop.path: a worker exited before it was ready: "));
  CHECK(Contains(crashed, "signal 11 (SEGV) while it started service shop\n"));
}

TEST_CASE("a reload with a module that cannot be used is refused with its reason, and nothing changes") {
  ModuleFile file("good");
  DaemonProcess daemon(kStubs);
  daemon.WriteConfig(Config(file.Path()).Set("supervision.start_timeout", "2s"));
  daemon.Serve(2);
  HttpClient kept(daemon.Address());
  REQUIRE(kept.Get("/x"));
  for (const auto& [sample, why] : std::vector<std::pair<std::string, std::string>>{
           {"no_symbol", "has no function preforkd_module"},
           {"newer", "is built for interface 2, this server has 1"},
           {"crashes", "crashed with SIGSEGV"},
           {"hangs", "did not return within 2 s"},
           {"exits", "exit status 3"},
           {"takes_a_name", "the name is taken"}}) {
    CAPTURE(sample);
    file.Put(sample);
    ExpectRefusal(daemon, fmt::format("config_problem place~preforkd.toml: why~\"{}\"", why));
  }
  daemon.ExpectEvent("worker_exited exit=10");
  daemon.ExpectEvent("worker_exited exit=SIGSEGV");
  file.Put("init_fails");
  ExpectRefusal(daemon, "reload_abandoned why~\"service shop: the module's init failed: no database\"");
  file.Put("init_crashes");
  ExpectRefusal(daemon, "reload_abandoned why~\"signal 11 (SEGV) while it started service shop\"");
  file.Put("good");
  CHECK(daemon.Reload());
  CHECK(kept.Get("/x"));
  CHECK(daemon.AwaitWorkers(2));
}

TEST_CASE("a new file under the same path comes with a reload, with its new keys") {
  ModuleFile file("good");
  DaemonProcess daemon(kStubs);
  daemon.WriteConfig(Config(file.Path()));
  daemon.Serve(2);
  HttpClient kept(daemon.Address());
  CHECK(kept.Get("/x")->body == "/x sample token \n");
  file.Put("changed");
  ExpectRefusal(daemon, "config_problem why~\"unknown key 'service.shop.token'\"");
  daemon.WriteConfig(Config(file.Path(), {{"salute", "hi"}}));
  CHECK(daemon.Reload());
  CHECK(kept.Get("/x")->body == "/x sample salute \n");
}

TEST_CASE("the server serves while a module hangs at a reload, and a stop does not wait for it") {
  ModuleFile file("good");
  DaemonProcess daemon(kStubs);
  daemon.WriteConfig(Config(file.Path()));
  daemon.Serve(2);
  file.Put("hangs");
  const std::size_t children = daemon.WorkerPids().size();
  daemon.Signal(SIGHUP);
  REQUIRE(WaitUntil(kTimeout, [&] { return daemon.WorkerPids().size() == children + 1; }));
  CHECK(BodyOf(daemon) == "/x sample token \n");
  daemon.Signal(SIGHUP);  // waits for the first
  CHECK(daemon.WaitForEvent("reload_waits for=reload"));
  daemon.Signal(SIGTERM);
  CHECK(daemon.Wait() == 0);
  CHECK(daemon.CountEvents("reload_refused cause=stopping") == 1);
  CHECK(daemon.CountEvents("config_problem") == 0);
}

TEST_CASE("an upgrade opens the modules of the configuration, and is refused with the reason of one") {
  ModuleFile file("good");
  DaemonProcess daemon(kStubs);
  daemon.WriteConfig(Config(file.Path()));
  daemon.Serve(2);
  HttpClient kept(daemon.Address());
  REQUIRE(kept.Get("/x"));
  file.Put("newer");
  daemon.Signal(SIGUSR2);
  CHECK(daemon.WaitForEvent("upgrade_refused why~\"is built for interface 2\""));
  file.Put("init_fails");
  daemon.Signal(SIGUSR2);
  CHECK(daemon.WaitForEvent("upgrade_refused why~\"service shop: the module's init failed: no database\""));
  file.Put("changed");
  daemon.WriteConfig(Config(file.Path(), {{"salute", "hi"}}));
  daemon.Signal(SIGUSR2);
  CHECK(daemon.WaitForEvent("upgrade_done"));
  CHECK(daemon.CountEvents("config_warning") == 0);  // the configuration in service was understood
  CHECK(kept.Get("/x")->body == "/x sample salute \n");
}

TEST_CASE("--module serves a file at once") {
  DaemonProcess daemon(kStubs);
  daemon.Serve(2, {"--module", PathOf("good"), "--listen", "127.0.0.1:0", "--workers", "2", "--set",
                   "service.good.token=x"});
  CHECK(BodyOf(daemon) == "/x sample token \n");
}

TEST_CASE("--try prints one answer, and its exit code says how it went") {
  const auto run = [](const std::vector<std::string>& words) {
    std::vector<std::string> all = {RunfilePath(kStubs), "--try"};
    all.insert(all.end(), words.begin(), words.end());
    return RunCommand(all);
  };
  const std::string changed = PathOf("changed");
  const CommandResult good = run({changed, "POST", "/x", "a body"});
  CHECK(good.code == 0);
  CHECK(good.out == "/x sample salute a body\n");
  CHECK(good.err.starts_with("HTTP/1.1 200 OK\n"));
  CHECK(Contains(good.err, "\nContent-Type: text/plain\n"));
  CHECK(run({changed, "HEAD", "/x"}).code == 0);
  const CommandResult missing = run({changed, "GET", "/missing"});
  CHECK(missing.code == 1);
  CHECK(missing.err.starts_with("HTTP/1.1 404 "));
  const CommandResult newer = run({PathOf("newer"), "GET", "/"});
  CHECK(newer.code == 78);
  CHECK(newer.out.empty());
  CHECK(Contains(newer.err, "is built for interface 2, this server has 1"));
  CHECK(Contains(run({PathOf("good"), "GET", "/"}).err, "has no token"));
  CHECK(run({PathOf("good"), "GET", "/", "--set", "service.good.token=x"}).code == 0);
  CHECK(Contains(run({PathOf("init_fails"), "GET", "/", "--set", "service.init_fails.token=x"}).err,
                 "no database"));
  CHECK(run({changed, "GET"}).code == 64);
  CHECK(run({changed, "GET", "/", "--listen", ":0"}).code == 64);
}

}  // namespace preforkd::testing
