// The four sources of a configuration, and which wins.
#include "common/config/config_loader.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/unit/config_files.h"

namespace preforkd {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

// Exactly one problem, at `where`, that says `text`.
void CheckOnlyProblem(const ConfigOutcome& outcome, const std::string& where, const std::string& text) {
  CAPTURE(ProblemText(outcome));
  CHECK(outcome.config == nullptr);
  REQUIRE(outcome.problems.size() == 1);
  CHECK(outcome.problems[0].where == where);
  CHECK(outcome.problems[0].text.find(text) != std::string::npos);
}

TEST_CASE("nothing given: the default service on the default address") {
  const Config config = Loaded(LoadConfig(InputsFor("")));
  Config expected;
  expected.listen = config.listen;
  expected.services = config.services;
  CHECK(config == expected);
  REQUIRE(config.listen.size() == 1);
  CHECK(config.listen[0].address.text == "127.0.0.1:8080");
  CHECK(config.listen[0].service == "default");
  REQUIRE(config.services.size() == 1);
  CHECK(config.services[0].name == "default");
  CHECK(config.services[0].type == "http");
  CHECK(config.services[0].root.empty());
}

constexpr const char* kEveryKey = R"(
workers = 3
workers_max = 9
user = "root"
group = "root"
control = "/tmp/c.sock"
pid_file = "/tmp/p"
scheduling = "normal"
[dispatch]
policy = "client-hash"
max_connections = 11
max_queue = 12
reclaim_after = 0
[parking]
after = "1s"
max = 13
[supervision]
start_timeout = "1s"
hang_timeout = "2s"
backoff_min = "3s"
backoff_max = "4s"
drain_timeout = "0"
max_requests = 14
max_memory = "15MiB"
max_lifetime = "16h"
[log]
level = "alert"
format = "json"
file = "/tmp/l"
access = "off"
[[listen]]
address = ":81"
service = "b"
backlog = 17
defer_accept = false
proxy_protocol = false
[[listen]]
address = "unix:@x"
service = "a"
[service.b]
type = "http"
root = "/"
index = "i"
header_timeout = "1s"
keepalive_timeout = "2s"
body_timeout = "3s"
send_timeout = "4s"
max_header = "1KiB"
max_headers = 18
max_body = 0
max_requests = 19
[service.a]
type = "echo"
idle_timeout = "5m"
)";

TEST_CASE("every key reaches its member") {
  const Config config = Loaded(LoadText(kEveryKey));
  CHECK(config.workers == 3);
  CHECK(config.workers_max == 9);
  CHECK(config.user == "root");
  CHECK(config.group == "root");
  CHECK(config.control == "/tmp/c.sock");
  CHECK(config.pid_file == "/tmp/p");
  CHECK(config.scheduling == Scheduling::kNormal);
  CHECK(config.dispatch == DispatchConfig{DispatchPolicy::kClientHash, 11, 12, Duration::zero()});
  CHECK(config.parking == ParkingConfig{seconds(1), 13});
  CHECK(config.supervision == SupervisionConfig{seconds(1), seconds(2), seconds(3), seconds(4),
                                                Duration::zero(), 14, 15 << 20, hours(16)});
  CHECK(config.log == LogConfig{log::Level::kAlert, log::Format::kJson, "/tmp/l", "off"});
}

TEST_CASE("listeners and services keep the order of the file") {
  const Config config = Loaded(LoadText(kEveryKey));
  REQUIRE(config.listen.size() == 2);
  CHECK(config.listen[0].address.dual_stack);
  CHECK(config.listen[0].backlog == 17);
  CHECK(config.listen[0].defer_accept == false);
  CHECK(config.listen[1].address.name == "@x");
  CHECK(config.listen[1].defer_accept == std::nullopt);
  REQUIRE(config.services.size() == 2);
  const ServiceConfig& http = config.services[0];
  CHECK(http.name == "b");
  CHECK(http.root == "/");
  CHECK(http.index == "i");
  CHECK(http.header_timeout == seconds(1));
  CHECK(http.keepalive_timeout == seconds(2));
  CHECK(http.body_timeout == seconds(3));
  CHECK(http.send_timeout == seconds(4));
  CHECK(http.max_header == 1024);
  CHECK(http.max_headers == 18);
  CHECK(http.max_body == 0);
  CHECK(http.max_requests == 19);
  CHECK(config.services[1].idle_timeout == std::chrono::minutes(5));
}

TEST_CASE("a service that the program registered takes any key as text") {
  const std::string text = std::string(kMinimal) +
                           "[service.f]\ntype = \"fault\"\nword = \"w\"\nnumber = 5\nreal = 1.5\nyes = true\n"
                           "\"odd key\" = \"\"\nindex = \"known\"\n";
  const Config config = Loaded(LoadText(text));
  const std::map<std::string, std::string> expected = {
      {"word", "w"}, {"number", "5"}, {"real", "1.5"}, {"yes", "true"}, {"odd key", ""}};
  CHECK(config.services[1].options == expected);
  CHECK(config.services[1].index == "known");
}

TEST_CASE("flags win over the environment, which wins over the file, which wins over defaults") {
  const TempFile file("workers = 1\nworkers_max = 11\npid_file = \"/file\"\n" + std::string(kMinimal));
  ConfigInputs inputs = InputsFor(file.path());
  const char* environment[] = {"PREFORKD_WORKERS=2", "PREFORKD_WORKERS_MAX=12", nullptr};
  inputs.environment = EnvironmentOverrides(environment);
  inputs.flags = {{"--set", "workers", "3"}, {"--workers", "workers", "4"}};
  const Config config = Loaded(LoadConfig(inputs));
  CHECK(config.workers == 4);
  CHECK(config.workers_max == 12);
  CHECK(config.pid_file == "/file");
  CHECK(config.dispatch.max_queue == 64);
}

TEST_CASE("a variable is read by the type of its key") {
  ConfigInputs inputs = InputsFor("");
  const char* environment[] = {"PATH=/bin",
                               "PREFORKD_WORKERS=auto",
                               "PREFORKD_DISPATCH_MAX_QUEUE=10",
                               "PREFORKD_PARKING_AFTER=0",
                               "PREFORKD_SUPERVISION_MAX_MEMORY=1GiB",
                               "PREFORKD_LOG_LEVEL=debug",
                               "PREFORKD_PID_FILE=a=b",
                               "PREFORKD_SERVICE_DEFAULT_MAX_BODY=5MB",
                               nullptr};
  inputs.environment = EnvironmentOverrides(environment);
  REQUIRE(inputs.environment.size() == 7);
  const Config config = Loaded(LoadConfig(inputs));
  CHECK(config.workers == 0);
  CHECK(config.dispatch.max_queue == 10);
  CHECK(config.parking.after == Duration::zero());
  CHECK(config.supervision.max_memory == std::uint64_t{1} << 30);
  CHECK(config.log.level == log::Level::kDebug);
  CHECK(config.pid_file == "a=b");
  CHECK(config.services[0].max_body == 5'000'000);
}

TEST_CASE("a variable names a service of the file, whatever stands between its words") {
  const TempFile file("[[listen]]\naddress=\":1\"\nservice=\"my-site\"\n[service.my-site]\ntype=\"http\"\n");
  ConfigInputs inputs = InputsFor(file.path());
  const char* environment[] = {"PREFORKD_SERVICE_MY_SITE_INDEX=x", nullptr};
  inputs.environment = EnvironmentOverrides(environment);
  CHECK(Loaded(LoadConfig(inputs)).services[0].index == "x");
}

TEST_CASE("a variable that names nothing, or too much, is a problem") {
  ConfigInputs inputs = InputsFor("");
  const char* unknown[] = {"PREFORKD_WORKRES=2", nullptr};
  inputs.environment = EnvironmentOverrides(unknown);
  CheckOnlyProblem(LoadConfig(inputs), "PREFORKD_WORKRES", "did you mean 'PREFORKD_WORKERS'?");

  const char* nothing[] = {"PREFORKD_=2", nullptr};
  inputs.environment = EnvironmentOverrides(nothing);
  CheckOnlyProblem(LoadConfig(inputs), "PREFORKD_", "names no key");

  const char* listen[] = {"PREFORKD_LISTEN=:80", nullptr};
  inputs.environment = EnvironmentOverrides(listen);
  CheckOnlyProblem(LoadConfig(inputs), "PREFORKD_LISTEN", "use --listen");

  const TempFile file(std::string(kMinimal) + "[service.a-b]\ntype=\"http\"\n[service.a_b]\ntype=\"http\"\n");
  const char* both[] = {"PREFORKD_SERVICE_A_B_ROOT=/", nullptr};
  inputs = InputsFor(file.path());
  inputs.environment = EnvironmentOverrides(both);
  CheckOnlyProblem(LoadConfig(inputs), "PREFORKD_SERVICE_A_B_ROOT", "several keys have this name");
}

TEST_CASE("--listen, --service and --root without a file") {
  ConfigInputs inputs = InputsFor("");
  inputs.listen = {":81", "unix:@x"};
  inputs.service_type = "http";
  inputs.root = "/";
  const Config config = Loaded(LoadConfig(inputs));
  REQUIRE(config.listen.size() == 2);
  CHECK(config.listen[1].address.text == "unix:@x");
  CHECK(config.listen[1].service == "default");
  CHECK(config.services[0].root == "/");
}

TEST_CASE("--listen replaces the listeners of the file, and brings its own service") {
  const TempFile file(kMinimal);
  ConfigInputs inputs = InputsFor(file.path());
  inputs.listen = {":81"};
  inputs.service_type = "echo";
  const Config config = Loaded(LoadConfig(inputs));
  REQUIRE(config.listen.size() == 1);
  CHECK(config.listen[0].address.text == ":81");
  REQUIRE(config.services.size() == 2);
  CHECK(config.services[0].name == "s");
  CHECK(config.services[1].name == "default");
  CHECK(config.services[1].type == "echo");
}

TEST_CASE("--listen uses the file's own default service, and flags win over its keys") {
  const TempFile file("[service.default]\ntype = \"http\"\nroot = \"/\"\nindex = \"a\"\n");
  ConfigInputs inputs = InputsFor(file.path());
  inputs.listen = {":81"};
  CHECK(Loaded(LoadConfig(inputs)).services[0].root == "/");
  inputs.root = "/tmp";
  const char* environment[] = {"PREFORKD_SERVICE_DEFAULT_ROOT=/usr", nullptr};
  inputs.environment = EnvironmentOverrides(environment);
  const Config config = Loaded(LoadConfig(inputs));
  REQUIRE(config.services.size() == 1);
  CHECK(config.services[0].root == "/tmp");
  CHECK(config.services[0].index == "a");
}

TEST_CASE("--service and --root serve nothing unless --listen does") {
  const TempFile file(kMinimal);
  ConfigInputs inputs = InputsFor(file.path());
  inputs.service_type = "echo";
  CheckOnlyProblem(LoadConfig(inputs), "--service", "add --listen ADDR, or set service.NAME.type");
  inputs.service_type = "";
  inputs.root = "/";
  CheckOnlyProblem(LoadConfig(inputs), "--root", "add --listen ADDR, or set service.NAME.root");
}

struct WrongFlag {
  ConfigOverride flag;
  const char* says;
};

TEST_CASE("the problem of a flag is at the flag") {
  const WrongFlag cases[] = {
      {{"--workers", "workers", "0"}, "workers: '0' is out of range; write 1 to 256 or \"auto\""},
      {{"--workers", "workers", "many"}, "workers: 'many' is not understood; write a whole number"},
      {{"--log-level", "log.level", "inof"}, "did you mean 'info'?"},
      {{"--set", "dispach.policy", "x"}, "unknown key 'dispach.policy'; did you mean 'dispatch.policy'?"},
      {{"--set", "listen", ":80"}, "a listener is not set by key; use --listen ADDR"},
      {{"--set", "listen.0.backlog", "1"}, "use --listen ADDR"},
      {{"--set", "service", "x"}, "unknown key 'service'"},
      {{"--set", "service.default", "x"}, "write service.NAME.KEY"},
      {{"--set", "service.defualt.root", "/"}, "there is no service 'defualt'; did you mean 'default'?"},
      {{"--set", "service.default.rot", "/"}, "did you mean 'service.default.root'?"},
      {{"--set", "service.default.idle_timeout", "1s"}, "a service of type 'http' does not read it"},
      {{"--set", "supervision.backoff_min", "1m"}, "1m is more than backoff_max = 30s"},
      {{"--set", "scheduling", "Batch"}, "'batch' or 'normal'; did you mean 'batch'?"},
      {{"--user", "user", "no-such-user"}, "there is no user 'no-such-user'"},
      {{"--pid-file", "pid_file", std::string("a\0b", 3)}, "without a NUL byte"},
      {{"--pid-file", "pid_file", "\xff"}, "text in UTF-8"},
      {{"--pid-file", "pid_file", "\xed\xa0\x80"}, "text in UTF-8"},
      {{"--pid-file", "pid_file", "\xc0\xaf"}, "text in UTF-8"},
  };
  for (const WrongFlag& wrong : cases) {
    ConfigInputs inputs = InputsFor("");
    inputs.flags = {wrong.flag};
    CAPTURE(wrong.flag.key);
    CheckOnlyProblem(LoadConfig(inputs), wrong.flag.source, wrong.says);
  }
}

TEST_CASE("an address of --listen is checked like one of the file") {
  ConfigInputs inputs = InputsFor("");
  inputs.listen = {"localhost:80"};
  CheckOnlyProblem(LoadConfig(inputs), "--listen", "'localhost' is no numeric address");
  inputs.listen = {":80", ":80"};
  CheckOnlyProblem(LoadConfig(inputs), "--listen", "taken by another listener");
}

TEST_CASE("the type is known before the other keys are judged, whoever sets it") {
  const TempFile file(std::string(kMinimal) + "speed = 5\n");
  ConfigInputs inputs = InputsFor(file.path());
  CHECK(LoadConfig(inputs).config == nullptr);
  inputs.flags = {{"--set", "service.s.type", "fault"}};
  CHECK(Loaded(LoadConfig(inputs)).services[0].options.at("speed") == "5");
}

}  // namespace
}  // namespace preforkd
