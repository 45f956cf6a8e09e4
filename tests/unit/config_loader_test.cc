// The meaning of a file, and of --listen, which replaces its listeners or the missing file.
#include "common/config/config_loader.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/unit/config_files.h"

namespace preforkd::testing {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

TEST_CASE("without any input: the default service on the default address") {
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
  CHECK(config.services[0].settings.Text("root").empty());
  CHECK(config.services[0].pool == "main");
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
max_after = "2s"
[supervision]
start_timeout = "1s"
hang_timeout = "2s"
backoff_min = "3s"
backoff_max = "4s"
stop_delay = "5s"
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
[[listen]]
address = "unix:/x"
service = "a"
mode = "0620"
user = "root"
group = "root"
[worker]
environment = " A , B_*,,C"
[service.b]
type = "http"
root = "/"
index = "i"
header_timeout = "1s"
max_header = "1KiB"
max_headers = 18
max_body = 0
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
  CHECK(config.parking == ParkingConfig{seconds(1), 13, seconds(2)});
  CHECK(config.supervision == SupervisionConfig{seconds(1), seconds(2), seconds(3), seconds(4), seconds(5),
                                                Duration::zero(), 14, 15 << 20, hours(16)});
  CHECK(config.log == LogConfig{log::Level::kAlert, log::Format::kJson, "/tmp/l"});
}

TEST_CASE("listeners and services keep the order of the file") {
  const Config config = Loaded(LoadText(kEveryKey));
  REQUIRE(config.listen.size() == 3);
  CHECK(config.listen[0].address.dual_stack);
  CHECK(config.listen[0].backlog == 17);
  CHECK(config.listen[0].defer_accept == false);
  CHECK(config.listen[1].address.name == "@x");
  CHECK(config.listen[1].defer_accept == std::nullopt);
  CHECK(config.listen[1].mode == std::nullopt);
  CHECK(config.listen[2].mode == 0620U);
  CHECK(config.listen[2].user == "root");
  CHECK(config.listen[2].group == "root");
  CHECK(config.worker.environment == std::vector<std::string>{"A", "B_*", "C"});
  REQUIRE(config.services.size() == 2);
  const ServiceConfig& http = config.services[0];
  CHECK(http.name == "b");
  CHECK(http.settings.Text("root") == "/");
  CHECK(http.settings.Text("index") == "i");
  CHECK(http.settings.Time("header_timeout") == seconds(1));
  CHECK(http.settings.Size("max_header") == 1024);
  CHECK(http.settings.Number("max_headers") == 18);
  CHECK(http.settings.Size("max_body") == 0);
  CHECK(config.services[1].settings.Time("idle_timeout") == std::chrono::minutes(5));
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
  CHECK(config.services[0].settings.Text("root") == "/");
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
  CHECK(Loaded(LoadConfig(inputs)).services[0].settings.Text("root") == "/");
  inputs.root = "/tmp";
  const char* environment[] = {"PREFORKD_SERVICE_DEFAULT_ROOT=/usr", nullptr};
  inputs.environment = EnvironmentOverrides(environment);
  const Config config = Loaded(LoadConfig(inputs));
  REQUIRE(config.services.size() == 1);
  CHECK(config.services[0].settings.Text("root") == "/tmp");
  CHECK(config.services[0].settings.Text("index") == "a");
}

TEST_CASE("--service and --root need --listen") {
  const TempFile file(kMinimal);
  ConfigInputs inputs = InputsFor(file.path());
  inputs.service_type = "echo";
  CheckOnlyProblem(LoadConfig(inputs), "--service", "add --listen ADDR, or set service.NAME.type");
  inputs.service_type = "";
  inputs.root = "/";
  CheckOnlyProblem(LoadConfig(inputs), "--root", "add --listen ADDR, or set service.NAME.root");
}

TEST_CASE("an address of --listen is checked like one of the file") {
  ConfigInputs inputs = InputsFor("");
  inputs.listen = {"localhost:80"};
  CheckOnlyProblem(LoadConfig(inputs), "--listen", "'localhost' is not a numeric address");
  inputs.listen = {":80", ":80"};
  CheckOnlyProblem(LoadConfig(inputs), "--listen", "taken by another listener");
}

}  // namespace
}  // namespace preforkd::testing
