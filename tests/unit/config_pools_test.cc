// Pools: values from the top-level keys, own values, and errors.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "common/config/config_loader.h"
#include "tests/unit/config_files.h"

namespace preforkd::testing {
namespace {

using std::chrono::seconds;

// One listener, a service "s" in the main pool (lines 1 to 5), and a service "a" in the pool "app"; `lines`
// begin at 9.
std::string WithApp(const std::string& lines) {
  return std::string(kMinimal) + "[service.a]\ntype = \"echo\"\npool = \"app\"\n" + lines;
}

std::vector<std::string> NamesOf(const Config& config) {
  std::vector<std::string> names;
  for (const PoolConfig& pool : config.pools) names.push_back(pool.name);
  return names;
}

void CheckProblemAt(const std::string& text, const std::string& position, const std::string& says) {
  const TempFile file(text);
  CAPTURE(text);
  CheckOnlyProblem(LoadConfig(InputsFor(file.path())), file.path() + ":" + position, says);
}

TEST_CASE("without any pool section there is one pool, main, made of the top-level keys") {
  const Config config =
      Loaded(LoadText("workers = 3\nworkers_max = 5\nuser = \"root\"\n[worker]\nmax_files = 100\n"
                      "[supervision]\nmax_requests = 7\n" +
                      std::string(kMinimal)));
  REQUIRE(NamesOf(config) == std::vector<std::string>{"main"});
  const PoolConfig& main = config.pools[0];
  CHECK(main.kind == PoolKind::kServices);
  CHECK(main.workers == 3);
  CHECK(main.workers_max == 5);
  CHECK(main.user == "root");
  CHECK(main.worker.max_files == 100);
  CHECK(main.supervision.max_requests == 7);
  CHECK(static_cast<const PoolSettings&>(config) == main);
  CHECK(&config.PoolOf(config.services[0]) == &main);
}

TEST_CASE("a pool takes what it does not set from the top-level keys, but not the number of workers") {
  const Config config =
      Loaded(LoadText("workers = 3\nworkers_max = 4\nuser = \"root\"\n[worker]\nseccomp = \"log\"\n"
                      "max_files = 100\n[supervision]\nhang_timeout = \"5s\"\n" +
                      WithApp("[pool.app]\nmax_files = 200\n")));
  REQUIRE(NamesOf(config) == std::vector<std::string>{"main", "app"});
  const PoolConfig& app = config.PoolOf(config.services[1]);
  CHECK(app.name == "app");
  CHECK(app.workers == 0);
  CHECK(app.workers_max == 0);
  CHECK(app.user == "root");
  CHECK(app.worker.seccomp == CallFilter::kLog);
  CHECK(app.worker.max_files == 200);
  CHECK(app.supervision.hang_timeout == seconds(5));
  CHECK(config.pools[0].worker.max_files == 100);
}

constexpr const char* kEveryKey = R"([pool.app]
workers = 3
workers_max = 9
user = "root"
group = "root"
kind = "services"
chroot = "/"
seccomp = "off"
environment = "A, B_*"
dumpable = true
max_files = 64
max_core = "1MiB"
max_address_space = "1GiB"
start_timeout = "1s"
hang_timeout = "2s"
backoff_min = "3s"
backoff_max = "4s"
drain_timeout = "5s"
max_requests = 14
max_memory = "15MiB"
max_lifetime = "16h"
)";

TEST_CASE("every key of a pool reaches its member, and leaves the main pool alone") {
  const Config config = Loaded(LoadText(WithApp(kEveryKey)));
  PoolConfig expected;
  expected.name = "app";
  expected.workers = 3;
  expected.workers_max = 9;
  expected.user = expected.group = "root";
  expected.worker = {"/", true, CallFilter::kOff, {"A", "B_*"}, 64, 1 << 20, 1 << 30};
  expected.supervision = {seconds(1), seconds(2),       seconds(3),
                          seconds(4), Duration::zero(), seconds(5),
                          14,         15 << 20,         std::chrono::hours(16)};
  CHECK(config.pools[1] == expected);
  CHECK(config.pools[0] == PoolConfig{});
}

TEST_CASE("pools are printed, and read back to the same") {
  const std::string apart =
      "[[listen]]\naddress = \":1\"\nservice = \"a\"\n[service.a]\ntype = \"echo\"\npool = \"b\"\n"
      "[pool.b]\nworkers = 2\n";
  for (const std::string& text :
       {WithApp(kEveryKey), WithApp("[pool.main]\nworkers = 4\nuser = \"root\"\n[pool.app]\n"), apart}) {
    const Config config = Loaded(LoadText(text));
    const std::string printed = PrintConfig(config);
    CAPTURE(printed);
    const Config again = Loaded(LoadText(printed));
    CHECK(again == config);
    CHECK(PrintConfig(again) == printed);
  }
}

TEST_CASE("[pool.main] is the main pool, and wins over the top-level keys for it alone") {
  const Config config = Loaded(LoadText("user = \"root\"\n[worker]\nmax_files = 100\n" +
                                        WithApp("[pool.app]\n[pool.main]\nworkers = 4\nmax_files = 300\n")));
  REQUIRE(NamesOf(config) == std::vector<std::string>{"main", "app"});
  CHECK(config.pools[0].workers == 4);
  CHECK(config.pools[0].worker.max_files == 300);
  CHECK(config.pools[0].user == "root");
  CHECK(config.pools[1].worker.max_files == 100);
  CHECK(config.workers == 4);
  CHECK(config.worker.max_files == 300);
}

TEST_CASE("main is left out when other pools have all services") {
  const Config config =
      Loaded(LoadText("[[listen]]\naddress = \":1\"\nservice = \"a\"\n[service.a]\ntype = \"echo\"\n"
                      "pool = \"b\"\n[pool.b]\nworkers = 2\n"));
  CHECK(NamesOf(config) == std::vector<std::string>{"b"});
}

TEST_CASE("flags that name no pool mean main, and win over the file's [pool.main]") {
  const TempFile file(WithApp("[pool.app]\nworkers = 2\n[pool.main]\nworkers = 3\nuser = \"root\"\n"));
  ConfigInputs inputs = InputsFor(file.path());
  inputs.flags = {{"--workers", "workers", "5"}, {"--user", "user", "daemon"}};
  const Config config = Loaded(LoadConfig(inputs));
  CHECK(config.pools[0].workers == 5);
  CHECK(config.pools[0].user == "daemon");
  CHECK(config.pools[1].workers == 2);
}

TEST_CASE("flags and variables reach a pool by its name, main even when the file does not write it") {
  const TempFile file(WithApp("[pool.app]\nworkers = 2\n"));
  ConfigInputs inputs = InputsFor(file.path());
  const char* environment[] = {"PREFORKD_POOL_APP_WORKERS=3", "PREFORKD_POOL_APP_MAX_MEMORY=1GiB",
                               "PREFORKD_SERVICE_S_POOL=app", "PREFORKD_POOL_MAIN_WORKERS=7", nullptr};
  inputs.environment = EnvironmentOverrides(environment);
  inputs.flags = {{"--set", "pool.app.workers", "4"}, {"--set", "service.s.pool", "main"}};
  const Config config = Loaded(LoadConfig(inputs));
  CHECK(config.pools[0].workers == 7);
  CHECK(config.pools[1].workers == 4);
  CHECK(config.pools[1].supervision.max_memory == std::uint64_t{1} << 30);
}

TEST_CASE("a flag that names no pool, or no key of one") {
  struct Wrong {
    const char* key;
    const char* says;
  };
  const TempFile file(WithApp("[pool.app]\n"));
  for (const Wrong& wrong : std::vector<Wrong>{
           {"pool.ap.workers", "pool.ap.workers: there is no pool 'ap'; did you mean 'app'?"},
           {"pool.app.wokers", "unknown key 'pool.app.wokers'; did you mean 'pool.app.workers'?"},
           {"pool.app", "write pool.NAME.KEY"},
           {"pool.app.workers", "pool.app.workers: 'x' is not understood"},
       }) {
    ConfigInputs inputs = InputsFor(file.path());
    inputs.flags = {{"--set", wrong.key, "x"}};
    CAPTURE(wrong.key);
    CheckOnlyProblem(LoadConfig(inputs), "--set", wrong.says);
  }
}

TEST_CASE("problems of pools are reported at their place") {
  const std::string app = "[pool.app]\n";
  CheckProblemAt(WithApp(app + "wrokers = 2\n"), "10:1",
                 "unknown key 'pool.app.wrokers'; did you mean 'pool.app.workers'?");
  CheckProblemAt(WithApp(app + "stop_delay = \"1s\"\n"), "10:1", "unknown key 'pool.app.stop_delay'");
  CheckProblemAt(WithApp(app + "workers = 257\n"), "10:1",
                 "pool.app.workers: 257 is out of range; write 1 to 256 or \"auto\"");
  CheckProblemAt(WithApp(app + "kind = \"tls\"\n"), "8:1",
                 "service.a.pool: [pool.app] makes TLS handshakes and serves nothing; name another pool");
  CheckProblemAt(WithApp(app + "kind = \"service\"\n"), "10:1", "did you mean 'services'?");
  CheckProblemAt(WithApp(app + "user = \"no-such-user\"\n"), "10:1",
                 "pool.app.user: there is no user 'no-such-user'");
  CheckProblemAt(WithApp(app + "max_files = 63\n"), "10:1", "pool.app.max_files: 63 is too few");
  CheckProblemAt(WithApp(app + "chroot = \"/no/such\"\n"), "10:1",
                 "pool.app.chroot: '/no/such' cannot be used");
  CheckProblemAt(WithApp(app + "workers = 4\nworkers_max = 3\n"), "11:1",
                 "pool.app.workers_max: 3 is less than workers = 4");
  CheckProblemAt(WithApp(app + "backoff_min = \"1m\"\n"), "10:1",
                 "pool.app.backoff_min: 1m is more than backoff_max = 30s");
  CheckProblemAt(WithApp("[pool.ap]\n"), "8:1", "service.a.pool: there is no [pool.app]; did you mean 'ap'?");
  CheckProblemAt(WithApp(""), "8:1", "service.a.pool: there is no [pool.app]; write 'main'");
  CheckProblemAt(WithApp(app + "[pool.idle]\n"), "10:7",
                 "[pool.idle] has no service; write pool = \"idle\" in a [service.NAME]");
  CheckProblemAt(kMinimal + app, "6:7", "[pool.app] has no service");
  CheckProblemAt(WithApp(app + "[pool.\"a b\"]\n"), "10:7",
                 "'a b' is not a valid name of a pool; write 1 to 31 letters, digits, '-' and '_'");
  CheckProblemAt(WithApp(app + "[pool." + std::string(32, 'n') + "]\n"), "10:7",
                 "is not a valid name of a pool");
  CheckProblemAt(WithApp(app + "[pool]\nx = 1\n"), "11:1", "pool.x: 1 is not a section; write [pool.NAME]");
  CheckProblemAt("pool = 1\n" + std::string(kMinimal), "1:1",
                 "'pool' holds named sections; write [pool.NAME]");
}

TEST_CASE("a wrong top-level value that several pools use is reported once") {
  CheckProblemAt("user = \"no-such-user\"\n" + WithApp("[pool.app]\n"), "1:1",
                 "user: there is no user 'no-such-user'");
}

TEST_CASE("a pool's value that cannot be used is one problem, even where the top-level value is wrong too") {
  CheckProblemAt(
      "user = \"no-such-user\"\n[[listen]]\naddress = \":1\"\nservice = \"a\"\n[service.a]\ntype = \"echo\"\n"
      "pool = \"b\"\n[pool.b]\nuser = 5\n",
      "9:1", "pool.b.user: 5 does not fit; write text in quotes");
}

TEST_CASE("the number of workers of main is written once, and only where main has a service") {
  const TempFile twice("workers = 2\n" + std::string(kMinimal) + "[pool.main]\nworkers = 3\n");
  CheckOnlyProblem(
      LoadConfig(InputsFor(twice.path())), twice.path() + ":8:1",
      "pool.main.workers: 'workers' sets the same, at " + twice.path() + ":1:1; write one of the two");
  CheckProblemAt(
      "workers = 2\n[[listen]]\naddress = \":1\"\nservice = \"a\"\n[service.a]\ntype = \"echo\"\npool = "
      "\"b\"\n"
      "[pool.b]\n",
      "1:1", "workers: is the number of the pool main, which has no service; write pool.NAME.workers");
}

TEST_CASE("the pools together have a maximum") {
  const TempFile file("workers = 200\n" + WithApp("[pool.app]\nworkers = 57\n"));
  CheckOnlyProblem(LoadConfig(InputsFor(file.path())), file.path() + ":11:1",
                   "pool.app.workers: the pools have 257 together (200 in main at " + file.path() +
                       ":1:1, 57 in app at " + file.path() + ":11:1); the maximum is 256");
  CheckProblemAt("workers_max = 300\n" + WithApp("[pool.app]\nworkers_max = 213\n"), "11:1",
                 "pool.app.workers_max: the pools have 513 together");
  CHECK(LoadText("workers = 200\n" + WithApp("[pool.app]\nworkers = 56\n")).config != nullptr);
}

std::string ManyPools(int count) {
  std::string text = kMinimal;
  for (int i = 0; i < count; ++i) {
    const std::string name = "p" + std::to_string(i);
    text += "[pool." + name + "]\n[service." + name + "]\ntype = \"echo\"\npool = \"" + name + "\"\n";
  }
  return text;
}

TEST_CASE("there are at most 64 pools, the main one among them") {
  CHECK(Loaded(LoadText(ManyPools(63))).pools.size() == 64);
  CheckProblemAt(ManyPools(64), "258:7", "there are more than 64 pools");
}

TEST_CASE("a folder that a service names must be inside the root of its own pool") {
  const std::string folders =
      "[[listen]]\naddress = \":1\"\nservice = \"s\"\n[service.s]\ntype = \"http\"\nroot = \"/etc\"\n"
      "[service.a]\ntype = \"http\"\nroot = \"/etc\"\npool = \"app\"\n";
  CheckProblemAt(folders + "[pool.app]\nchroot = \"/usr\"\n", "9:1", "service.a.root: '/etc' is not beneath");
}

}  // namespace
}  // namespace preforkd::testing
