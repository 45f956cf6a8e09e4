// Logs at an upgrade: a file that cannot be opened again stays open as it was, and the log reports that. No
// client is cut off, neither by the new program nor by the old one on its way back.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>

#include "common/base/unique_fd.h"
#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"
#include "tests/support/keep_alive_clients.h"
#include "tests/support/program_shelf.h"
#include "tests/support/server_status.h"

namespace preforkd::testing {
namespace {

namespace fs = std::filesystem;

CommandResult Upgrade(const DaemonProcess& daemon) { return Ctl(daemon, {"upgrade", "--wait"}); }

// Follows a log through its descriptor, as tail -f does: also after the file has been removed.
class Follower {
 public:
  explicit Follower(const std::string& path) : file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}

  // Until a line of the server's log matches `query` (log_oracle.h).
  [[nodiscard]] bool ShowsEvent(std::string_view query) {
    return WaitUntil(kTimeout, [&] { return !EntriesOf(Text(), query).empty(); });
  }
  // What has been written so far.
  [[nodiscard]] const std::string& Text() {
    std::array<char, 4096> bytes;
    for (ssize_t size = 0; (size = ::read(file_.Get(), bytes.data(), bytes.size())) > 0;) {
      text_.append(bytes.data(), static_cast<std::size_t>(size));
    }
    return text_;
  }

 private:
  UniqueFd file_;
  std::string text_;
};

bool HasEvent(const std::string& log, std::string_view query) {
  return !EntriesOf(ReadFile(log), query).empty();
}

// Lines of an access log.
std::size_t Requests(const std::string& log) { return LinesWith(log, " duration=").size(); }

// A server with both logs in a folder of their own, and clients that stay.
struct World {
  TempDirectory folders;
  ProgramShelf shelf{kPreforkd};
  DaemonProcess daemon{shelf.Path()};
  std::string folder = folders.Path("log");
  std::optional<KeepAliveClients> clients;
  std::vector<std::string> addresses;

  World() { fs::create_directory(folder); }

  [[nodiscard]] std::string Server() const { return folder + "/server.log"; }
  [[nodiscard]] std::string Access() const { return folder + "/access.log"; }

  void Serve(const std::string& server, const std::string& access) {
    daemon.WriteConfig(ConfigText()
                           .Workers(2)
                           .Set("parking.after", "50ms")
                           .Set("log.file", server)
                           .Set("log.access", access)
                           .Listen("web")
                           .Listen("ops", "127.0.0.2:0")
                           .Service("web", "http")
                           .Service("ops", "status"));
  }
  void Begin(const std::string& log) {
    daemon.Start();
    REQUIRE(WaitUntil(kTimeout, [&] { return HasEvent(log, "serving"); }));
    for (const LogEntry& entry : EntriesOf(ReadFile(log), "listening"))
      addresses.push_back(entry.Field("address"));
    clients.emplace(addresses.at(0), 20);
  }
  void ExpectNobodyLost() {
    CHECK(clients->Answered() == 20);
    CHECK(AskStatus(addresses.at(1)).lost == 0);
  }
  void ExpectUpgrade() {
    const CommandResult result = Upgrade(daemon);
    CAPTURE(result.err);
    CHECK(result.code == 0);
    CHECK(result.out.find("serves, version ") != std::string::npos);
    ExpectNobodyLost();
  }
};

}  // namespace

TEST_CASE(
    "the folder of both logs is removed: the old files are written on, and USR1 creates new ones when the "
    "folder is back") {
  World world;
  world.Serve(world.Server(), world.Access());
  world.Begin(world.Server());
  Follower server(world.Server());
  Follower access(world.Access());
  fs::remove_all(world.folder);
  world.shelf.Put(kPreforkdNext);
  world.ExpectUpgrade();
  CHECK(server.ShowsEvent("log_reopen_failed why~" + world.folder));
  CHECK(server.ShowsEvent("upgrade_resumed from_version=0.2.0"));
  CHECK(server.ShowsEvent("upgrade_done generation=2"));
  const std::size_t before = Requests(access.Text());
  world.ExpectNobodyLost();
  CHECK(WaitUntil(kTimeout, [&] { return Requests(access.Text()) > before; }));
  // Once more: the files are passed on to the next program too.
  world.shelf.Put(kPreforkd);
  world.ExpectUpgrade();
  CHECK(server.ShowsEvent("upgrade_done generation=3"));
  fs::create_directory(world.folder);
  world.daemon.Signal(SIGUSR1);
  CHECK(WaitUntil(kTimeout, [&] { return HasEvent(world.Server(), "log_reopened"); }));
  CHECK(world.clients->Answered() == 20);
  CHECK(WaitUntil(kTimeout, [&] { return Requests(ReadFile(world.Access())) >= 20; }));
  world.clients.reset();
}

TEST_CASE(
    "the folder of both logs is removed and the new program crashes: the old one writes to the old files") {
  World world;
  world.Serve(world.Server(), world.Access());
  world.Begin(world.Server());
  Follower server(world.Server());
  fs::remove_all(world.folder);
  for (const char* trick : {"crash", "crash"}) {
    world.shelf.Put(kPreforkdNext, trick);
    const CommandResult result = Upgrade(world.daemon);
    CHECK(result.code == 1);
    CHECK(result.err.find("version 0.2.0 is back in service") != std::string::npos);
    world.ExpectNobodyLost();
  }
  CHECK(server.ShowsEvent("log_reopen_failed why~" + world.folder));
  CHECK(server.ShowsEvent("upgrade_returned version=0.2.0"));
  world.shelf.Put(kPreforkdNext);
  world.ExpectUpgrade();
  world.clients.reset();
}

TEST_CASE("only the folder of the access log is removed: the old file is written on until USR1") {
  World world;
  const std::string server = world.daemon.Path("server.log");
  world.Serve(server, world.Access());
  world.Begin(server);
  Follower access(world.Access());
  fs::remove_all(world.folder);
  world.shelf.Put(kPreforkdNext);
  world.ExpectUpgrade();
  CHECK(world.daemon.WaitForEvent("log_reopen_failed why~" + world.Access()));
  CHECK(WaitUntil(kTimeout, [&] { return Requests(access.Text()) > 0; }));
  fs::create_directory(world.folder);
  world.daemon.Signal(SIGUSR1);
  CHECK(world.daemon.WaitForEvent("log_reopened"));
  CHECK(world.clients->Answered() == 20);
  CHECK(WaitUntil(kTimeout, [&] { return Requests(ReadFile(world.Access())) >= 20; }));
  world.clients.reset();
}

TEST_CASE("a log.file that cannot be opened is accepted by a reload, and survives an upgrade and a return") {
  World world;
  const std::string server = world.daemon.Path("server.log");
  world.Serve(server, world.Access());
  world.Begin(server);
  const std::string wrong = world.daemon.Path("lgo/server.log");
  world.Serve(wrong, world.Access());
  CHECK(world.daemon.Reload());
  CHECK(world.daemon.CountEvents("log_reopen_failed why~" + wrong) == 1);
  world.shelf.Put(kPreforkdNext);
  world.ExpectUpgrade();
  CHECK(world.daemon.WaitForEvent("log_reopen_failed why~" + wrong, 2));
  CHECK(world.daemon.WaitForEvent("upgrade_done generation=3"));
  world.shelf.Put(kPreforkdNext, "crash");
  CHECK(Upgrade(world.daemon).code == 1);
  world.ExpectNobodyLost();
  CHECK(world.daemon.WaitForEvent("upgrade_returned version=next"));
  // When the folder exists, a reload opens the file.
  fs::create_directory(world.daemon.Path("lgo"));
  world.daemon.Signal(SIGHUP);
  CHECK(WaitUntil(kTimeout, [&] { return HasEvent(wrong, "reload_done generation=4"); }));
  world.ExpectNobodyLost();
  world.clients.reset();
  fs::rename(wrong, world.daemon.Path("moved.log"));
  fs::remove(world.daemon.Path("lgo"));
}

TEST_CASE("a master without root whose log folder now belongs to root: upgrade, return, and USR1") {
  World world;
  if (!world.daemon.BecomeNobody(1024)) {
    MESSAGE("skipped: no other user here");
    return;
  }
  fs::permissions(world.folders.Path(), fs::perms(0755));
  fs::permissions(fs::path(world.shelf.Path()).parent_path(), fs::perms(0755));
  REQUIRE(::chown(world.folder.c_str(), 65534, 65534) == 0);
  world.Serve(world.Server(), world.Access());
  world.Begin(world.Server());
  REQUIRE(::chown(world.folder.c_str(), 0, 0) == 0);
  fs::permissions(world.folder, fs::perms(0700));
  world.shelf.Put(kPreforkdNext);
  world.ExpectUpgrade();
  CHECK(HasEvent(world.Server(), "log_reopen_failed why~EACCES"));
  CHECK(HasEvent(world.Server(), "upgrade_done generation=2"));
  world.shelf.Put(kPreforkdNext, "crash");
  CHECK(Upgrade(world.daemon).code == 1);
  world.ExpectNobodyLost();
  REQUIRE(::chown(world.folder.c_str(), 65534, 65534) == 0);
  fs::rename(world.Server(), world.folder + "/server.1");
  world.daemon.Signal(SIGUSR1);
  CHECK(WaitUntil(kTimeout, [&] { return HasEvent(world.Server(), "log_reopened"); }));
  world.clients.reset();
}

}  // namespace preforkd::testing
