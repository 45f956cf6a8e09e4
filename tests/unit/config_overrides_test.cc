// Variables and flags over the file: which wins, what they can name, and the errors if they name nothing.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "common/config/config_loader.h"
#include "tests/unit/config_files.h"

namespace preforkd::testing {
namespace {

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
  CHECK(config.services[0].settings.Size("max_body") == 5'000'000);
}

TEST_CASE("limits.exempt is a list, and one text with commas is one, too") {
  const std::vector<std::string> both = {"192.0.2.7", "10.0.0.0/8"};
  for (const char* written :
       {"[\"192.0.2.7\", \"10.0.0.0/8\"]", "\"192.0.2.7, 10.0.0.0/8\"", "[\"192.0.2.7,10.0.0.0/8\"]"}) {
    CAPTURE(std::string(written));
    const TempFile file(std::string(kMinimal) + "[limits]\nexempt = " + written + "\n");
    ConfigInputs inputs = InputsFor(file.path());
    CHECK(Loaded(LoadConfig(inputs)).limits.exempt == both);
    inputs.flags = {{"--set", "limits.exempt", "::1, 10.0.0.0/8"}};
    CHECK(Loaded(LoadConfig(inputs)).limits.exempt == std::vector<std::string>{"::1", "10.0.0.0/8"});
    inputs.flags = {{"--set", "limits.exempt", ""}};
    CHECK(Loaded(LoadConfig(inputs)).limits.exempt.empty());
  }
}

TEST_CASE("a variable names a service of the file, whatever stands between its words") {
  const TempFile file("[[listen]]\naddress=\":1\"\nservice=\"my-site\"\n[service.my-site]\ntype=\"http\"\n");
  ConfigInputs inputs = InputsFor(file.path());
  const char* environment[] = {"PREFORKD_SERVICE_MY_SITE_INDEX=x", nullptr};
  inputs.environment = EnvironmentOverrides(environment);
  CHECK(Loaded(LoadConfig(inputs)).services[0].settings.Text("index") == "x");
}

TEST_CASE("a variable that names nothing, or too much, is a problem") {
  ConfigInputs inputs = InputsFor("");
  const char* unknown[] = {"PREFORKD_WORKRES=2", nullptr};
  inputs.environment = EnvironmentOverrides(unknown);
  CheckOnlyProblem(LoadConfig(inputs), "PREFORKD_WORKRES", "did you mean 'PREFORKD_WORKERS'?");

  for (const char* name : {"PREFORKD_PORT", "PREFORKD_PORT_80_TCP_ADDR", "PREFORKD_SERVICE_HOST",
                           "PREFORKD_SERVICE_PORT", "PREFORKD_SERVICE_PORT_HTTP"}) {
    const std::string entry = std::string(name) + "=tcp://192.0.2.1:80";
    const char* link[] = {entry.c_str(), nullptr};
    inputs.environment = EnvironmentOverrides(link);
    CheckOnlyProblem(LoadConfig(inputs), name, "enableServiceLinks: false");
  }

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
      {{"--set", "service.default.idle_timeout", "1s"}, "a service of type 'http' has no such key"},
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

TEST_CASE("the type is known before the other keys are checked, whichever source sets it") {
  const TempFile file(std::string(kMinimal) + "speed = 5\npath = \"/lib/shop.so\"\n");
  ConfigInputs inputs = InputsFor(file.path());
  CHECK(LoadConfig(inputs).config == nullptr);
  inputs.flags = {{"--set", "service.s.type", "shop"}};
  CHECK(Loaded(LoadConfig(inputs)).services[0].settings.Number("speed") == 5);
}

TEST_CASE("a variable reaches a setting of the type that a flag chooses") {
  const TempFile file(kMinimal);
  ConfigInputs inputs = InputsFor(file.path());
  const char* environment[] = {"PREFORKD_SERVICE_S_IDLE_TIMEOUT=7s", nullptr};
  inputs.environment = EnvironmentOverrides(environment);
  CheckOnlyProblem(LoadConfig(inputs), "PREFORKD_SERVICE_S_IDLE_TIMEOUT",
                   "a service of type 'http' has no such key");
  inputs.flags = {{"--set", "service.s.type", "echo"}};
  CHECK(Loaded(LoadConfig(inputs)).services[0].settings.Time("idle_timeout") == std::chrono::seconds(7));
}

}  // namespace
}  // namespace preforkd::testing
