// The access log of the real program: a line for each answer, across reloads, rotations and killed workers.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"
#include "tests/support/load.h"

namespace preforkd::testing {
namespace {

std::vector<std::string> Flags(const std::string& access, const std::vector<std::string>& more = {}) {
  std::vector<std::string> flags = {"--listen", "127.0.0.1:0", "--workers",
                                    "2",        "--set",       "log.access=" + access};
  flags.insert(flags.end(), more.begin(), more.end());
  return flags;
}

// The value of "name=..." in a line.
std::string Field(const std::string& line, const std::string& name) {
  const std::size_t start = line.find(" " + name + "=");
  if (start == std::string::npos) return {};
  const std::size_t value = start + name.size() + 2;
  return line.substr(value, line.find(' ', value) - value);
}

// Checks that each line is one whole answer and that none occurs twice. Returns the first fault, or nothing.
std::string Fault(const std::vector<std::string>& lines) {
  std::set<std::string> seen;
  for (const std::string& line : lines) {
    const bool whole = line.starts_with("127.0.0.1 - - [") &&
                       line.find("\"GET / HTTP/1.1\" 200 ") != std::string::npos &&
                       std::count(line.begin(), line.end(), '"') == 6 && !Field(line, "duration").empty();
    if (!whole) return "torn: " + line;
    if (!seen.insert(Field(line, "conn") + " " + Field(line, "request")).second) return "twice: " + line;
  }
  return {};
}

}  // namespace

TEST_CASE("every worker writes one line for each answer, at once") {
  DaemonProcess daemon;
  const std::string access = daemon.Path("access.log");
  daemon.Serve(2, Flags(access, {"--set", "log.access_format=json"}));
  HttpClient client(daemon.Address());
  REQUIRE(client.Get("/", "User-Agent: \xff\"\r\n").has_value());
  REQUIRE(WaitUntil(kTimeout, [&] { return Lines(ReadFile(access)).size() == 1; }));
  REQUIRE(daemon.AwaitAllParked());
  REQUIRE(client.Get("/nowhere").has_value());
  REQUIRE(WaitUntil(kTimeout, [&] { return Lines(ReadFile(access)).size() == 2; }));
  const std::vector<std::string> lines = Lines(ReadFile(access));
  const auto first = nlohmann::json::parse(lines[0]);
  const auto second = nlohmann::json::parse(lines[1]);
  CHECK(first["journeys"] == 1);
  CHECK(second["journeys"] == 2);
  CHECK(first["conn"] == second["conn"]);
  CHECK(second["request"] == 2);
  CHECK(second["status"] == 404);
  CHECK(first["user_agent"] == "\xef\xbf\xbd\"");
}

TEST_CASE("the log has as many lines as the clients have answers, across reloads") {
  DaemonProcess daemon;
  const std::string access = daemon.Path("access.log");
  daemon.Serve(2, Flags(access));
  Load load(LoadKind::kHttp, daemon.Address(), 4);
  for (int i = 0; i < 3; ++i) {
    const std::uint64_t before = load.Ok();
    REQUIRE(daemon.Reload());
    REQUIRE(WaitUntil(kTimeout, [&] { return load.Ok() > before + 100; }));
  }
  const LoadResult result = load.Stop();
  CHECK_MESSAGE(result.Failed() == 0, result.Text());
  CHECK(WaitUntil(kTimeout, [&] { return Lines(ReadFile(access)).size() >= result.ok; }));
  const std::vector<std::string> lines = Lines(ReadFile(access));
  CHECK(lines.size() == result.ok);
  CHECK(Fault(lines) == "");
  MESSAGE(lines.size(), " lines");
}

TEST_CASE("SIGUSR1 under load: every line is whole and in exactly one of the files") {
  DaemonProcess daemon;
  const std::string access = daemon.Path("access.log");
  daemon.Serve(2, Flags(access));
  Load load(LoadKind::kHttp, daemon.Address(), 4);
  constexpr int kRotations = 5;
  for (int i = 0; i < kRotations; ++i) {
    const std::uint64_t before = load.Ok();
    REQUIRE(WaitUntil(kTimeout, [&] { return load.Ok() > before + 50; }));
    std::filesystem::rename(access, daemon.Path(fmt::format("access.{}.log", i)));
    daemon.Signal(SIGUSR1);
    REQUIRE(daemon.WaitForEvent("log_reopened", static_cast<std::size_t>(i) + 1));
  }
  const LoadResult result = load.Stop();
  CHECK_MESSAGE(result.Failed() == 0, result.Text());
  std::vector<std::string> lines;
  CHECK(WaitUntil(kTimeout, [&] {
    lines = Lines(ReadFile(access));
    for (int i = 0; i < kRotations; ++i) {
      for (std::string& line : Lines(ReadFile(daemon.Path(fmt::format("access.{}.log", i)))))
        lines.push_back(line);
    }
    return lines.size() >= result.ok;
  }));
  CHECK(lines.size() == result.ok);
  CHECK(Fault(lines) == "");
}

TEST_CASE("a killed worker loses no line, and none is written twice") {
  DaemonProcess daemon;
  daemon.ExpectEvent("worker_exited exit=SIGKILL");
  const std::string access = daemon.Path("access.log");
  // One worker: no other writes after a line that a kill cut in two before the master truncates it.
  std::vector<std::string> flags = Flags(access, {"--set", "supervision.backoff_min=1ms"});
  flags.insert(flags.end(), {"--workers", "1", "--set", "workers_max=1"});
  daemon.Serve(1, flags);
  Load load(LoadKind::kHttp, daemon.Address(), 4);
  std::mt19937 random(11);
  std::uint64_t kills = 0;
  for (; kills < 40; ++kills) {
    const std::uint64_t until = load.Ok() + 20 + random() % 50;
    REQUIRE(WaitUntil(kTimeout, [&] { return load.Ok() >= until; }));
    const std::vector<pid_t> workers = daemon.WorkerPids();
    for (const pid_t pid : workers) (void)::kill(pid, SIGKILL);
    REQUIRE(daemon.WaitForEvent("worker_exited exit=SIGKILL", kills + 1));
  }
  REQUIRE(daemon.AwaitWorkers(1));
  const LoadResult result = load.Stop();
  CHECK(WaitUntil(kTimeout, [&] { return Lines(ReadFile(access)).size() >= result.ok; }));
  const std::vector<std::string> lines = Lines(ReadFile(access));
  CHECK(Fault(lines) == "");
  // Each answer that arrived has a line. A line may belong to an answer that was not sent any more.
  CHECK(lines.size() >= result.ok);
  CHECK(lines.size() <= result.ok + result.Failed());
  MESSAGE(kills, " kills; ", result.Text(), "; ", lines.size(), " lines, of which the master wrote those of ",
          daemon.CountEvents("access_log_rescued"), " workers");
}

TEST_CASE("a reload can turn the access log on and off and move it") {
  DaemonProcess daemon;
  const auto config = [&](const std::string& access) {
    daemon.WriteConfig(
        ConfigText().Workers(2).Set("log.access", access).Listen("web").Service("web", "http"));
  };
  const auto answers = [&](const std::string& access, std::size_t count) {
    for (int i = 0; i < 4; ++i) CHECK(HttpClient(daemon.Address()).Get("/").has_value());
    return WaitUntil(kTimeout, [&] { return Lines(ReadFile(daemon.Path(access))).size() == count; });
  };
  config("off");
  daemon.Serve(2);
  CHECK(answers("a.log", 0));
  config(daemon.Path("a.log"));
  REQUIRE(daemon.Reload());
  CHECK(answers("a.log", 4));
  config(daemon.Path("b.log"));
  REQUIRE(daemon.Reload());
  CHECK(answers("b.log", 4));
  config("stderr");
  REQUIRE(daemon.Reload());
  for (int i = 0; i < 4; ++i) CHECK(HttpClient(daemon.Address()).Get("/").has_value());
  CHECK(WaitUntil(kTimeout,
                  [&] { return LinesWith(ReadFile(daemon.Path("stderr")), "journeys=1").size() == 4; }));
  config("off");
  REQUIRE(daemon.Reload());
  CHECK(answers("a.log", 4));
  CHECK(Lines(ReadFile(daemon.Path("b.log"))).size() == 4);
  CHECK(LinesWith(ReadFile(daemon.Path("stderr")), "journeys=1").size() == 4);
}

TEST_CASE("an access log that cannot be opened: the start fails and names it") {
  DaemonProcess daemon;
  CHECK(daemon.Run(Flags("/nowhere/access.log")) == 71);
  CHECK(daemon.AwaitEvents("start_failed errno=ENOENT", 1) == 1);
  CHECK(daemon.Stderr().find("/nowhere/access.log") != std::string::npos);
}

TEST_CASE("a daemonized server cannot write the access log to standard error") {
  DaemonProcess daemon;
  CHECK(daemon.Run(Flags("stderr", {"--daemonize", "--log-file", daemon.Path("server.log")})) == 64);
}

}  // namespace preforkd::testing
