// The real logrotate(8) with the installed configuration file rotates under load: no line is lost or split.
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "tests/support/daemon_process.h"
#include "tests/support/load.h"
#include "tests/support/temp_directory.h"

namespace preforkd::testing {
namespace {

constexpr int kRotations = 5;

void Replace(std::string& text, std::string_view what, const std::string& with) {
  REQUIRE(text.find(what) != std::string::npos);
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) {
    text.replace(at, what.size(), with);
  }
}

std::string Runfile(const std::string& name) {
  return fmt::format("{}/{}/{}", std::getenv("TEST_SRCDIR"), std::getenv("TEST_WORKSPACE"), name);
}

// The installed file, with paths of this test in place of the system's.
std::string Rules(const TempDirectory& folder, bool by_command) {
  std::string rules = ReadFile(Runfile("tools/package/logrotate"));
  Replace(rules, "/var/log/preforkd", folder.Path("logs"));
  Replace(rules, "/run/preforkd", folder.Path("run"));
  Replace(rules, "preforkctl",
          by_command ? Runfile("preforkctl") + " --control " + folder.Path("run/control.sock")
                     : std::string("false"));
  return rules;
}

int Rotate(const TempDirectory& folder, const std::string& rules) {
  const std::string file = folder.Path("logs/rules");
  WriteFile(file, rules);
  ::chmod(file.c_str(), 0644);
  const std::string command = fmt::format("PATH=$PATH:/usr/sbin logrotate -f -s {} {} >>{} 2>&1",
                                          folder.Path("logs/state"), file, folder.Path("logs/said"));
  return std::system(command.c_str());  // NOLINT: a test, with words of its own
}

// The lines of a log and of all its rotated files; gunzip -f passes uncompressed files through.
std::vector<std::string> AllLines(const TempDirectory& folder, const std::string& name) {
  const std::string all = folder.Path("logs/all");
  const std::string command = fmt::format("gunzip -cf {}/{}* >{}", folder.Path("logs"), name, all);
  REQUIRE(std::system(command.c_str()) == 0);  // NOLINT: likewise
  return Lines(ReadFile(all));
}

void CheckRotations(bool by_command) {
  const TempDirectory folder;
  for (const char* name : {"logs", "run"}) REQUIRE(::mkdir(folder.Path(name).c_str(), 0755) == 0);
  DaemonProcess daemon;
  const std::string control = folder.Path("run/control.sock");
  // The server's own log stays on standard error, where the harness reads it.
  daemon.Serve(2, {"--listen", "127.0.0.1:0", "--workers", "2", "--control", control, "--pid-file",
                   folder.Path("run/preforkd.pid"), "--set", "log.access=" + folder.Path("logs/access.log")});
  Load load(LoadKind::kHttp, daemon.Address(), 4);
  for (std::size_t i = 0; i < kRotations; ++i) {
    const std::uint64_t before = load.Ok();
    // Workers write their lines a little later, and logrotate leaves an empty file alone (notifempty).
    REQUIRE(WaitUntil(kTimeout, [&] {
      return load.Ok() > before + 50 && !ReadFile(folder.Path("logs/access.log")).empty();
    }));
    const int code = Rotate(folder, Rules(folder, by_command));
    REQUIRE_MESSAGE(code == 0, ReadFile(folder.Path("logs/said")));
    CHECK_MESSAGE(daemon.WaitForEvent("log_reopened", i + 1), daemon.Log());
  }
  const LoadResult result = load.Stop();
  CHECK_MESSAGE(result.Failed() == 0, result.Text());
  std::vector<std::string> lines;
  CHECK(WaitUntil(kTimeout, [&] {
    lines = AllLines(folder, "access.log");
    return lines.size() >= result.ok;
  }));
  CHECK(lines.size() == result.ok);
  const auto whole = std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
    return line.starts_with("127.0.0.1 - - [") && std::count(line.begin(), line.end(), '"') == 6 &&
           line.find(" duration=") != std::string::npos;
  });
  CHECK(static_cast<std::size_t>(whole) == lines.size());
  MESSAGE(kRotations, " rotations; ", result.ok, " answers, ", lines.size(), " lines");
}

}  // namespace

TEST_CASE("with preforkctl, which answers when all workers write to the new file") { CheckRotations(true); }

TEST_CASE("with the signal, where preforkctl fails") { CheckRotations(false); }

}  // namespace preforkd::testing
