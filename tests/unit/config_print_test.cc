// The output of --print-config, read back, is the same configuration.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "common/config/config_loader.h"
#include "tests/unit/config_files.h"

namespace preforkd::testing {
namespace {

void CheckRoundTrip(const Config& config) {
  const std::string text = PrintConfig(config);
  CAPTURE(text);
  const Config again = Loaded(LoadText(text));
  CHECK(again == config);
  CHECK(PrintConfig(again) == text);
}

TEST_CASE("the defaults") {
  const Config config = Loaded(LoadConfig(InputsFor("")));
  CheckRoundTrip(config);
  const std::string text = PrintConfig(config);
  for (const char* line :
       {"workers = \"auto\" ", "scheduling = \"batch\" ", "\n[worker]\nchroot = \"\" ", "seccomp = \"on\" ",
        "dumpable = false ", "max_core = \"0\" ", "\nsystem_calls = \"\" ",
        "\n[dispatch]\npolicy = \"least-connections\" ", "reclaim_after = \"20ms\" ", "max_memory = \"0\" ",
        "\n[[listen]]\naddress = \"127.0.0.1:8080\" ", "\n# mode ", "user = \"\" ",
        "environment = \"PATH, LANG, LC_*, TZ, TMPDIR, HOME\" ", "\n# defer_accept ",
        "proxy_protocol = false ", "\n[service.default]\ntype = \"http\" ", "max_header = \"16KiB\" "}) {
    CAPTURE(line);
    CHECK(text.find(line) != std::string::npos);
  }
}

TEST_CASE("every value away from its default") {
  CheckRoundTrip(Loaded(LoadText(R"(
workers = 3
workers_max = 9
user = "root"
group = "root"
control = "c.sock"
pid_file = "/tmp/p"
scheduling = "normal"
worker = {chroot = "/", environment = "", seccomp = "log", dumpable = true, max_files = 64, max_core = "1MiB", max_address_space = "1GiB"}
dispatch = {policy = "round-robin", max_connections = 11, max_queue = 12, reclaim_after = "1us", gather = 9}
parking = {after = "1s", max = 13}
[supervision]
start_timeout = "1s"
hang_timeout = "2s"
backoff_min = "3s"
backoff_max = "4s"
stop_delay = "5s"
drain_timeout = "1ns"
max_requests = 14
max_memory = "15000001"
max_lifetime = "16h"
[log]
level = "alert"
format = "json"
file = "/tmp/l"
syslog_socket = "/tmp/s"
access = "/tmp/a"
access_format = "json"
[[listen]]
address = ":81"
service = "z"
backlog = 17
defer_accept = false
[[listen]]
address = "[::1]:81"
service = "a"
defer_accept = true
[[listen]]
address = "unix:/tmp/x.sock"
service = "m-1_A"
mode = "0620"
user = "root"
group = "root"
[service.z]
type = "http"
root = "/"
index = "i"
header_timeout = "1s"
max_header = "1KiB"
max_headers = 18
max_body = "20MB"
[service.a]
type = "echo"
idle_timeout = "5m"
[service.m-1_A]
type = "status"
system_calls = "threads network,files"
[service.shop]
type = "shop"
path = "/lib/shop.so"
motto = "m"
speed = 9
open = false
mode = "good"
wants = "blue,red"
names = ["q\" b\\\\", "a, b"]
)")));
}

TEST_CASE("text that TOML must escape") {
  std::string evil = "q\" b\\ n\n t\t r\r e\x1b d\x7f \xc3\xa9 \xf0\x9f\x90\x98 ''' \"\"\" # = [x] \\u0041 ";
  for (char c = 1; c < 0x20; ++c) evil.push_back(c);
  const std::string root = TestFolder() + "/" + evil;
  std::filesystem::create_directory(root);
  ConfigInputs inputs = InputsFor("");
  inputs.listen = {"unix:/tmp/" + evil.substr(0, 40)};
  inputs.service_type = "http";
  inputs.root = root;
  inputs.flags = {{"--pid-file", "pid_file", evil},
                  {"--set", "log.file", evil},
                  {"--set", "service.default.index", evil}};
  const Config config = Loaded(LoadConfig(inputs));
  CHECK(config.pid_file == evil);
  CHECK(config.services[0].settings.Text("root") == root);
  CHECK(config.services[0].settings.Text("index") == evil);
  CheckRoundTrip(config);
  std::filesystem::remove(root);
}

}  // namespace
}  // namespace preforkd::testing
