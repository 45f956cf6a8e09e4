// Who may connect to the file of a Unix socket: its mode, user and group are as configured from the first
// moment, whatever the umask, and a reload or an upgrade changes them.
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "tests/support/command.h"
#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/strace.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

struct stat Info(const std::string& path) {
  struct stat info {};
  REQUIRE(::lstat(path.c_str(), &info) == 0);
  return info;
}

unsigned Mode(const std::string& path) { return Info(path).st_mode & 07777U; }

ConfigText Config(const std::string& path, const ConfigSettings& keys = {}) {
  return ConfigText().Workers(1).Listen("s", "unix:" + path, keys).Service("s", "echo");
}

// The umask of this process and its children, for the life of this object.
class Umask {
 public:
  explicit Umask(mode_t mask) : before_(::umask(mask)) {}
  Umask(const Umask&) = delete;
  Umask& operator=(const Umask&) = delete;
  ~Umask() { (void)::umask(before_); }

 private:
  mode_t before_;
};

// Another user than root, if this process may give files to it.
const passwd* OtherUser(const DaemonProcess& daemon) {
  const passwd* nobody = ::getpwnam("nobody");
  if (nobody == nullptr) return nullptr;
  const std::string probe = daemon.Path("probe.log");
  WriteFile(probe, "");
  return ::chown(probe.c_str(), nobody->pw_uid, nobody->pw_gid) == 0 ? nobody : nullptr;
}

}  // namespace

TEST_CASE("every user may connect, whatever the umask, but only the owner to the control socket") {
  for (const mode_t mask : {mode_t{0}, mode_t{022}, mode_t{077}, mode_t{0777}}) {
    CAPTURE(mask);
    DaemonProcess daemon;
    const std::string path = daemon.Path("echo.sock");
    daemon.WriteConfig(Config(path));
    daemon.LaunchBy({"/bin/sh", "-c", fmt::format("umask {:04o}; exec \"$@\"", mask), "sh"});
    daemon.Serve(1);
    CHECK(Mode(path) == 0666);
    CHECK(Mode(daemon.Path("control.sock")) == 0600);
    TcpClient client("unix:" + path);
    CHECK(client.Echoes("hello"));
  }
}

TEST_CASE("the mode is the configured one, also where the umask would remove some of its bits") {
  for (const char* mode : {"0777", "0600", "640", "0"}) {
    CAPTURE(mode);
    const Umask mask(027);
    DaemonProcess daemon;
    const std::string path = daemon.Path("echo.sock");
    daemon.WriteConfig(Config(path, {{"mode", mode}}));
    daemon.Serve(1);
    CHECK(Mode(path) == std::stoul(mode, nullptr, 8));
  }
}

TEST_CASE("the file never has another mode: bind creates it under the right umask, and no chmod follows") {
  DaemonProcess daemon;
  const std::string path = daemon.Path("echo.sock");
  daemon.WriteConfig(Config(daemon.Path("first.sock")));
  daemon.Serve(1);
  const std::string output = daemon.Path("trace.log");
  Strace strace(daemon.MasterPid(), {"-e", "trace=umask,bind,chmod,fchmodat,listen"}, output);
  if (!strace.Attached()) {
    MESSAGE("skipped: no strace here, or no permission to trace");
    return;
  }
  daemon.WriteConfig(Config(path, {{"mode", "0620"}}));
  REQUIRE(daemon.Reload());
  strace.Stop();
  const std::string calls = ReadFile(output);
  CAPTURE(calls);
  const std::size_t umask = calls.find("umask(0157)");
  const std::size_t bind = calls.find(path);
  REQUIRE(umask != std::string::npos);
  REQUIRE(bind != std::string::npos);
  CHECK(umask < bind);
  CHECK(bind < calls.find("listen("));
  CHECK(calls.find("chmod") == std::string::npos);
  CHECK(Mode(path) == 0620);
}

TEST_CASE("the file belongs to the configured user and group") {
  DaemonProcess daemon;
  const passwd* other = OtherUser(daemon);
  if (other == nullptr) {
    MESSAGE("skipped: needs root and more than one user id");
    return;
  }
  const std::string path = daemon.Path("echo.sock");
  const std::string group = ::getgrgid(other->pw_gid)->gr_name;
  daemon.WriteConfig(Config(path, {{"mode", "0600"}, {"user", "nobody"}, {"group", group}}));
  daemon.Serve(1);
  CHECK(Info(path).st_uid == other->pw_uid);
  CHECK(Info(path).st_gid == other->pw_gid);
  CHECK(Mode(path) == 0600);
  // A reload changes the owner. A group that is not configured any more stays as it is.
  daemon.WriteConfig(Config(path, {{"mode", "0660"}, {"user", "root"}}));
  REQUIRE(daemon.Reload());
  CHECK(Info(path).st_uid == 0);
  CHECK(Info(path).st_gid == other->pw_gid);
  CHECK(Mode(path) == 0660);
}

TEST_CASE("a reload and an upgrade change the mode of a listener that stays") {
  DaemonProcess daemon;
  const std::string path = daemon.Path("echo.sock");
  daemon.WriteConfig(Config(path, {{"mode", "0600"}}));
  daemon.Serve(1);
  const ino_t inode = Info(path).st_ino;
  CHECK(Mode(path) == 0600);
  daemon.WriteConfig(Config(path, {{"mode", "0660"}}));
  REQUIRE(daemon.Reload());
  CHECK(Mode(path) == 0660);
  daemon.WriteConfig(Config(path));
  daemon.Signal(SIGUSR2);
  REQUIRE(daemon.WaitForEvent("upgrade_done generation=3"));
  CHECK(Mode(path) == 0666);
  CHECK(Info(path).st_ino == inode);  // the same socket all the time
  daemon.WriteConfig(Config(path, {{"mode", "0640"}}));
  REQUIRE(daemon.Reload());
  CHECK(Mode(path) == 0640);
  TcpClient client("unix:" + path);
  CHECK(client.Echoes("still here"));
}

TEST_CASE("another file at the path of the socket is not changed") {
  DaemonProcess daemon;
  const std::string path = daemon.Path("echo.log");  // a name that may be left behind
  daemon.WriteConfig(Config(path, {{"mode", "0600"}}));
  daemon.Serve(1);
  REQUIRE(::unlink(path.c_str()) == 0);
  const std::string precious = daemon.Path("precious.log");
  WriteFile(precious, "data");
  REQUIRE(::chmod(precious.c_str(), 0400) == 0);
  REQUIRE(::symlink(precious.c_str(), path.c_str()) == 0);
  daemon.WriteConfig(Config(path, {{"mode", "0666"}}));
  (void)daemon.Reload();
  CHECK(Mode(precious) == 0400);
}

TEST_CASE(
    "a reload is refused if the server may not change the owner of the file, and the server serves on") {
  DaemonProcess daemon;
  if (!daemon.BecomeNobody(1024)) {
    MESSAGE("skipped: needs root and more than one user id");
    return;
  }
  const std::string path = daemon.Path("echo.sock");
  daemon.WriteConfig(Config(path));
  REQUIRE(::chmod(daemon.ConfigPath().c_str(), 0644) == 0);
  daemon.Serve(1);
  daemon.WriteConfig(Config(path, {{"user", "root"}, {"mode", "0600"}}));
  CHECK_FALSE(daemon.Reload());
  CHECK(daemon.AwaitEvents("reload_refused why~chown why~EPERM", 1) == 1);
  CHECK(Mode(path) == 0666);
  TcpClient client("unix:" + path);
  CHECK(client.Echoes("still here"));
}

TEST_CASE("--check reports the place of an unknown user and of an invalid mode") {
  DaemonProcess daemon;
  const std::string file = daemon.Path("check.log");
  WriteFile(file, Config("/tmp/x", {{"mode", "0999"}, {"user", "nobodyy"}, {"group", "no group"}}).Text());
  const CommandResult result = RunCommand({RunfilePath(kPreforkd), "--check", "-c", file});
  CHECK(result.code == 78);
  for (const char* where : {":6:1: listen.mode: '0999'", ":7:1: listen.user: there is no user 'nobodyy'",
                            ":8:1: listen.group: there is no group 'no group'"}) {
    CAPTURE(where);
    CHECK((result.out + result.err).find(file + where) != std::string::npos);
  }
}

}  // namespace preforkd::testing
