// Preload from the outside: workers share what one process has loaded; every refusal; restart, reload,
// upgrade.
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"
#include "tests/support/metrics_page.h"
#include "tests/support/proc_status.h"
#include "tests/support/program_shelf.h"

namespace preforkd::testing {
namespace {

std::string ModulePath(const std::string& name) { return RunfilePath("tests/module/" + name + ".so"); }

// The module's file and its table, replaced by rename as an operator does it, or written over.
class Files {
 public:
  Files() {
    PutModule("preloads");
    PutTable("one");
  }
  void PutModule(const std::string& name) const { WriteFile(Module(), ReadFile(ModulePath(name))); }
  void OverwriteModule(const std::string& name) const {
    std::ofstream(Module(), std::ios::binary | std::ios::trunc) << ReadFile(ModulePath(name)) << std::flush;
  }
  void PutTable(const std::string& text) const { WriteFile(TablePath(), text + "\n"); }
  [[nodiscard]] std::string Module() const { return folder_.Path("served.so"); }
  [[nodiscard]] std::string TablePath() const { return folder_.Path("table"); }

 private:
  TempDirectory folder_;
};

ConfigText Config(const Files& files, const ConfigSettings& more = {}, int workers = 2) {
  ConfigSettings settings = {{"path", files.Module()}, {"table", files.TablePath()}};
  settings.insert(settings.end(), more.begin(), more.end());
  return ConfigText()
      .Workers(workers)
      .Set("dispatch.policy", "round-robin")
      .Listen("s")
      .Service("s", "module", settings);
}

// As long as it lives, so does the process that a preload leaves behind.
class Held {
 public:
  explicit Held(const Files& files) : path_(files.TablePath() + ".held") { WriteFile(path_, ""); }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() { (void)::unlink(path_.c_str()); }

 private:
  std::string path_;
};

struct Seen {
  pid_t pid = 0;
  std::string root;
  std::size_t size = 0;
  int written = 0;
  std::string text;
};

Seen Ask(const DaemonProcess& daemon, const std::string& target = "/") {
  HttpClient client(daemon.Address());
  const auto response = client.Get(target, "Connection: close\r\n");
  REQUIRE(response);
  CHECK(response->status == 200);
  Seen seen;
  std::istringstream(response->body) >> seen.pid >> seen.root >> seen.size >> seen.written >> seen.text;
  return seen;
}

// What each of `count` workers says.
std::map<pid_t, Seen> AskAll(const DaemonProcess& daemon, std::size_t count) {
  std::map<pid_t, Seen> all;
  REQUIRE(WaitUntil(kTimeout, [&] {
    const Seen seen = Ask(daemon);
    all[seen.pid] = seen;
    return all.size() == count;
  }));
  return all;
}

void ExpectEach(const std::map<pid_t, Seen>& all, const std::string& text) {
  for (const auto& [pid, seen] : all) CHECK(seen.text == text);
}

void ExpectAll(const DaemonProcess& daemon, std::size_t count, const std::string& text) {
  std::string root;
  for (const auto& [pid, seen] : AskAll(daemon, count)) {
    CAPTURE(pid);
    CHECK(seen.text == text);
    if (!root.empty()) CHECK(seen.root == root);
    root = seen.root;
  }
}

struct Wrong {
  const char* mode;
  std::string why;
  ConfigSettings more{};
};

std::vector<Wrong> Wrongs() {
  return {{"throws", "service s: the module's preload threw an exception: it threw"},
          {"silent", "service s: the module's preload failed with 7, without a reason"},
          {"crashes", "crashed with SIGABRT while it preloaded"},
          {"exits", "ended its process with exit status 3 while it preloaded"},
          {"hangs",
           "did not return within 0.5 s when it preloaded; preload_timeout gives it more",
           {{"preload_timeout", "500ms"}}},
          {"outside", "service s: the module's preload set no root in the memory that it allocated"},
          {"leaves_child", "service s: the module's preload has left a process behind"},
          {"too much",
           "service s: the module's preload needs more than preload_max, 64KiB",
           {{"preload_max", "64KiB"}, {"fill", "128KiB"}}}};
}

ConfigText ConfigOf(const Files& files, const Wrong& wrong) {
  ConfigSettings more = {{"mode", wrong.mode}};
  more.insert(more.end(), wrong.more.begin(), wrong.more.end());
  return Config(files, more);
}

}  // namespace

TEST_CASE("workers see the same data at the same address, and what one writes no other sees") {
  const Files files;
  DaemonProcess daemon;
  daemon.ExpectEvent("worker_exited exit=SIGKILL");
  daemon.WriteConfig(Config(files));
  daemon.Serve(2);
  CHECK(daemon.CountEvents("module_preloaded service=s") == 1);
  CHECK(daemon.CountEvents("module_said service=s") == 1);
  ExpectAll(daemon, 2, "one");
  const Seen writer = Ask(daemon, "/write");
  CHECK(writer.written == 1);
  for (const auto& [pid, seen] : AskAll(daemon, 2)) CHECK(seen.written == (pid == writer.pid ? 1 : 0));
  // A restarted one sees what was loaded, not what was written, and not what the file has become.
  files.PutTable("two");
  REQUIRE(::kill(writer.pid, SIGKILL) == 0);
  REQUIRE(daemon.WaitForEvent("worker_exited exit=SIGKILL"));
  REQUIRE(daemon.AwaitWorkers(2));
  for (const auto& [pid, seen] : AskAll(daemon, 2)) {
    CHECK(seen.text == "one");
    CHECK(seen.written == 0);
    CHECK(seen.root == writer.root);
  }
  // One worker more, too.
  daemon.Signal(SIGTTIN);
  REQUIRE(daemon.AwaitWorkers(3));
  ExpectAll(daemon, 3, "one");
  CHECK(daemon.CountEvents("module_preloaded") == 1);
  CHECK(daemon.CountEvents("module_preloads_alone") == 0);
  daemon.IgnoreDescriptors();
}

TEST_CASE("a reload loads again while the old generation serves the old data") {
  const Files files;
  DaemonProcess daemon;
  daemon.WriteConfig(Config(files));
  daemon.Serve(2);
  ExpectAll(daemon, 2, "one");
  files.PutTable("two");
  ExpectAll(daemon, 2, "one");
  daemon.WriteConfig(Config(files, {{"mode", "hangs"}}));
  daemon.Signal(SIGHUP);
  REQUIRE(WaitUntil(kTimeout, [&] { return daemon.WorkerPids().size() == 3; }));  // the one that loads
  REQUIRE(WaitUntil(kTimeout, [&] { return daemon.CountEvents("reload_started") == 1; }));
  ExpectAll(daemon, 2, "one");
  daemon.Signal(SIGTERM);  // and a stop does not wait for it
  CHECK(daemon.Wait() == 0);
  CHECK(daemon.CountEvents("module_preloaded") == 1);
}

TEST_CASE("a reload with new data under the same name") {
  const Files files;
  DaemonProcess daemon;
  daemon.WriteConfig(Config(files));
  daemon.Serve(2);
  for (const std::string text : {"two", "three"}) {
    files.PutTable(text);
    REQUIRE(daemon.Reload());
    REQUIRE(daemon.AwaitWorkers(2));
    ExpectAll(daemon, 2, text);
  }
  CHECK(daemon.CountEvents("module_preloaded") == 3);
}

TEST_CASE("a preload that goes wrong refuses start, --check, reload and upgrade, with its reason") {
  const Files files;
  for (const Wrong& wrong : Wrongs()) {
    CAPTURE(std::string(wrong.mode));
    DaemonProcess check;
    check.ExpectOrphans();
    const Held held(files);
    check.WriteConfig(ConfigOf(files, wrong));
    CHECK(check.Run({"--check"}) == 78);
    CHECK_MESSAGE(check.Stderr().find(wrong.why) != std::string::npos, check.Stderr());
    CHECK_MESSAGE(check.Stderr().find(": service.s.path: ") != std::string::npos, check.Stderr());
  }
  DaemonProcess start;
  start.WriteConfig(ConfigOf(files, Wrongs().front()));
  start.ExpectExit(69);
  start.Start();
  CHECK(start.Wait() == 69);
  CHECK(start.CountEvents("start_failed why~\"it threw\"") == 1);
  DaemonProcess daemon;
  daemon.ExpectOrphans();
  daemon.WriteConfig(Config(files));
  daemon.Serve(2);
  std::size_t count = 0;
  for (const Wrong& wrong : Wrongs()) {
    CAPTURE(std::string(wrong.mode));
    const Held held(files);
    daemon.WriteConfig(ConfigOf(files, wrong));
    daemon.Signal(SIGHUP);
    CHECK(daemon.AwaitEvents("reload_abandoned", ++count) == count);
    CHECK_MESSAGE(daemon.WaitForEvent(fmt::format("reload_abandoned why~\"{}\"", wrong.why)), wrong.why);
    CHECK(Ask(daemon).text == "one");
  }
  daemon.WriteConfig(ConfigOf(files, Wrongs().front()));
  daemon.Signal(SIGUSR2);
  CHECK(daemon.WaitForEvent("upgrade_refused why~\"it threw\""));
  daemon.WriteConfig(Config(files));
  CHECK(daemon.Reload());
  ExpectAll(daemon, 2, "one");
}

TEST_CASE("an upgrade in place loads again in the new program") {
  const Files files;
  ProgramShelf shelf(kPreforkd);
  DaemonProcess daemon(shelf.Path());
  daemon.WriteConfig(Config(files));
  daemon.Serve(2);
  for (const std::string text : {"two", "three"}) {
    files.PutTable(text);
    const std::size_t before = daemon.CountEvents("upgrade_done");
    daemon.Signal(SIGUSR2);
    REQUIRE(daemon.WaitForEvent("upgrade_done", before + 1));
    REQUIRE(daemon.AwaitWorkers(2));
    ExpectAll(daemon, 2, text);
  }
}

TEST_CASE("while an upgrade runs, an old worker that is restarted loads for itself") {
  const Files files;
  ProgramShelf shelf(kPreforkd);
  DaemonProcess daemon(shelf.Path());
  daemon.ExpectEvent("worker_exited exit=SIGKILL");
  daemon.WriteConfig(Config(files));
  daemon.Serve(2);
  daemon.WriteConfig(Config(files, {{"mode", "second_waits"}}));
  daemon.Signal(SIGUSR2);
  REQUIRE(daemon.WaitForEvent("upgrade_resumed"));
  // The new program has the old workers, and its modules load.
  const Seen old = Ask(daemon);
  REQUIRE(::kill(old.pid, SIGKILL) == 0);
  REQUIRE(daemon.WaitForEvent("module_preloads_alone service=s cause=upgrade"));
  REQUIRE(WaitUntil(kTimeout, [&] { return daemon.ReadyWorkers().size() == 2; }));
  ExpectEach(AskAll(daemon, 2), "one");
  CHECK(daemon.CountEvents("upgrade_done") == 0);
  REQUIRE(::unlink((files.TablePath() + ".first").c_str()) == 0);
  REQUIRE(daemon.WaitForEvent("upgrade_done"));
  REQUIRE(daemon.AwaitWorkers(2));
  ExpectAll(daemon, 2, "one");
}

TEST_CASE(
    "a new file of the module waits for the reload: until then workers share what the old one has loaded") {
  const Files files;
  DaemonProcess daemon;
  daemon.ExpectEvent("worker_exited exit=SIGKILL");
  daemon.WriteConfig(Config(files));
  daemon.Serve(2);
  const Seen old = Ask(daemon);
  files.PutModule("preloads_v2");
  files.PutTable("two");
  REQUIRE(::kill(old.pid, SIGKILL) == 0);
  REQUIRE(daemon.WaitForEvent("worker_exited exit=SIGKILL"));
  REQUIRE(daemon.AwaitWorkers(2));
  ExpectAll(daemon, 2, "one");
  REQUIRE(daemon.Reload());
  REQUIRE(daemon.AwaitWorkers(2));
  ExpectAll(daemon, 2, "two");
  CHECK(daemon.CountEvents("module_preloads_alone") == 0);
}

TEST_CASE(
    "a worker that starts after the module's file was written over loads for itself, until the reload") {
  const Files files;
  DaemonProcess daemon;
  daemon.ExpectEvent("worker_exited exit=SIGKILL");
  daemon.WriteConfig(Config(files, {}, 1));  // which runs none of that code until it is killed
  daemon.Serve(1);
  files.OverwriteModule("preloads_v2");
  files.PutTable("two");
  REQUIRE(::kill(daemon.WorkerPids().front(), SIGKILL) == 0);
  REQUIRE(daemon.WaitForEvent("module_preloads_alone service=s cause=new_file"));
  REQUIRE(daemon.AwaitWorkers(1));
  ExpectAll(daemon, 1, "two");
  REQUIRE(daemon.Reload());
  REQUIRE(daemon.AwaitWorkers(1));
  ExpectAll(daemon, 1, "two");
  CHECK(daemon.CountEvents("module_preloads_alone") == 1);
  CHECK(daemon.CountEvents("module_preloaded") == 2);
}

#ifndef PREFORKD_SANITIZED  // a sanitizer needs terabytes of address space, and memory of its own
TEST_CASE("what is shared does not count for max_memory, and preload_max for max_address_space only once") {
  const Files files;
  DaemonProcess daemon;
  daemon.WriteConfig(Config(files, {{"fill", "96MiB"}, {"preload_max", "512MiB"}}, 1)
                         .Set("supervision.max_memory", "64MiB")
                         .Set("worker.max_address_space", "1GiB")
                         .Listen("ops", "127.0.0.2:0")
                         .Service("ops", "status"));
  daemon.Serve(1);
  const Seen seen = Ask(daemon, "/touch");
  CHECK(seen.size > 96U << 20U);
  CHECK(ResidentBytes(seen.pid) > 96U << 20U);
  const auto sum = [&](const char* name) {
    const auto page = MetricsPage::Read(daemon.Address(1));
    REQUIRE(page);
    return page->Sum(name);
  };
  const double before = sum("preforkd_worker_cpu_seconds_total");
  REQUIRE(
      WaitUntil(kTimeout, [&] { return sum("preforkd_worker_cpu_seconds_total") > before; }));  // a heartbeat
  CHECK(sum("preforkd_worker_resident_memory_bytes") < 64U << 20U);
  CHECK(daemon.CountEvents("worker_replaced") == 0);
  // What it has written is its own.
  CHECK(Ask(daemon, "/copy").pid == seen.pid);
  CHECK(daemon.WaitForEvent("worker_replaced cause=max_memory"));
  CHECK(daemon.AwaitWorkers(1));
}
#endif

TEST_CASE("--try sees the data") {
  const Files files;
  DaemonProcess daemon;
  const int code = daemon.Run({"--try", files.Module(), "GET", "/", "--set",
                               fmt::format("service.served.table={}", files.TablePath())});
  CHECK(code == 0);
  CHECK(daemon.Output().ends_with(" 0 one\n"));
  CHECK(daemon.CountEvents("module_preloaded") == 0);  // once, and below the level of --try
}

}  // namespace preforkd::testing
