// Logs at an upgrade: what cannot be opened anew stays as it is, open in the process, and the log says so.
// Nobody is cut off, by neither the new program nor the old one on its way back.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>

#include "common/base/unique_fd.h"
#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"
#include "tests/support/keep_alive_clients.h"
#include "tests/support/program_shelf.h"
#include "tests/support/server_status.h"

namespace preforkd::testing {
namespace {

namespace fs = std::filesystem;

constexpr const char* kServices =
    "workers = 2\nworkers_max = 2\n[parking]\nafter = \"50ms\"\n"
    "[[listen]]\naddress = \"127.0.0.1:0\"\nservice = \"web\"\n"
    "[[listen]]\naddress = \"127.0.0.2:0\"\nservice = \"ops\"\n"
    "[service.web]\ntype = \"http\"\n[service.ops]\ntype = \"status\"\n";

CommandResult Upgrade(const DaemonProcess& daemon) { return Ctl(daemon, {"upgrade", "--wait"}); }

// Follows a log through its descriptor, as tail -f does: after its name has gone, too.
class Follower {
 public:
  explicit Follower(const std::string& path) : file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}

  [[nodiscard]] bool Shows(std::string_view text) {
    return WaitUntil(kTimeout, [&] {
      std::array<char, 4096> bytes;
      for (ssize_t size = 0; (size = ::read(file_.Get(), bytes.data(), bytes.size())) > 0;) {
        text_.append(bytes.data(), static_cast<std::size_t>(size));
      }
      return text_.find(text) != std::string::npos;
    });
  }
  [[nodiscard]] const std::string& Text() const { return text_; }

 private:
  UniqueFd file_;
  std::string text_;
};

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
    daemon.WriteConfig(kServices + fmt::format("[log]\nfile = \"{}\"\naccess = \"{}\"\n", server, access));
  }
  void Begin(const std::string& log) {
    daemon.Start();
    REQUIRE(
        WaitUntil(kTimeout, [&] { return ReadFile(log).find("serving: generation") != std::string::npos; }));
    for (const std::string& line : LinesWith(ReadFile(log), ": listening on ")) {
      const std::size_t start = line.find(": listening on ") + 15;
      addresses.push_back(line.substr(start, line.find(" for service ", start) - start));
    }
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
    "the folder of both logs is removed: they go on into the old files, and USR1 makes new ones when it is "
    "back") {
  World world;
  world.Serve(world.Server(), world.Access());
  world.Begin(world.Server());
  Follower server(world.Server());
  Follower access(world.Access());
  fs::remove_all(world.folder);
  world.shelf.Put(kPreforkdNext);
  world.ExpectUpgrade();
  CHECK(server.Shows("the log stays where it is: open " + world.folder));
  CHECK(server.Shows("has taken over from version 0.2.0"));
  CHECK(server.Shows("generation 2 serves"));
  const std::size_t before = access.Text().size();
  world.ExpectNobodyLost();
  CHECK(access.Shows(" duration="));
  CHECK(WaitUntil(kTimeout, [&] { return access.Shows("") && access.Text().size() > before; }));
  // Twice: what was inherited is left to the next one.
  world.shelf.Put(kPreforkd);
  world.ExpectUpgrade();
  CHECK(server.Shows("generation 3 serves"));
  fs::create_directory(world.folder);
  world.daemon.Signal(SIGUSR1);
  CHECK(WaitUntil(kTimeout, [&] {
    return ReadFile(world.Server()).find("log reopened by all processes") != std::string::npos;
  }));
  CHECK(world.clients->Answered() == 20);
  CHECK(WaitUntil(kTimeout, [&] { return LinesWith(ReadFile(world.Access()), " duration=").size() >= 20; }));
  world.clients.reset();
}

TEST_CASE("the same when the new program crashes: the old one is back, and writes where it wrote") {
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
  CHECK(server.Shows("the log stays where it is: open " + world.folder));
  CHECK(server.Shows("version 0.2.0 is back in service"));
  world.shelf.Put(kPreforkdNext);
  world.ExpectUpgrade();
  world.clients.reset();
}

TEST_CASE("only the folder of the access log is removed") {
  World world;
  const std::string server = world.daemon.Path("server.log");
  world.Serve(server, world.Access());
  world.Begin(server);
  Follower access(world.Access());
  fs::remove_all(world.folder);
  world.shelf.Put(kPreforkdNext);
  world.ExpectUpgrade();
  CHECK(world.daemon.WaitForLog("the log stays where it is: open " + world.Access()));
  CHECK(access.Shows(" duration="));
  fs::create_directory(world.folder);
  world.daemon.Signal(SIGUSR1);
  CHECK(world.daemon.WaitForLog("log reopened by all processes"));
  CHECK(world.clients->Answered() == 20);
  CHECK(WaitUntil(kTimeout, [&] { return LinesWith(ReadFile(world.Access()), " duration=").size() >= 20; }));
  world.clients.reset();
}

TEST_CASE("a mistake in log.file that a reload has accepted, then an upgrade") {
  World world;
  const std::string server = world.daemon.Path("server.log");
  world.Serve(server, world.Access());
  world.Begin(server);
  const std::string wrong = world.daemon.Path("lgo/server.log");
  world.Serve(wrong, world.Access());
  CHECK(world.daemon.Reload());
  CHECK(world.daemon.CountLog("the log stays where it is: open " + wrong) == 1);
  world.shelf.Put(kPreforkdNext);
  world.ExpectUpgrade();
  CHECK(world.daemon.WaitForLog("the log stays where it is: open " + wrong, 2));
  CHECK(world.daemon.WaitForLog("generation 3 serves"));
  world.shelf.Put(kPreforkdNext, "crash");
  CHECK(Upgrade(world.daemon).code == 1);
  world.ExpectNobodyLost();
  CHECK(world.daemon.WaitForLog("version next is back and serves on"));
  // Mended, it goes where it should.
  fs::create_directory(world.daemon.Path("lgo"));
  world.daemon.Signal(SIGHUP);
  CHECK(
      WaitUntil(kTimeout, [&] { return ReadFile(wrong).find("generation 4 serves") != std::string::npos; }));
  world.ExpectNobodyLost();
  world.clients.reset();
  fs::rename(wrong, world.daemon.Path("moved.log"));
  fs::remove(world.daemon.Path("lgo"));
}

TEST_CASE("a master without root whose log folder has become root's") {
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
  CHECK(ReadFile(world.Server()).find("(EACCES)") != std::string::npos);
  CHECK(ReadFile(world.Server()).find("generation 2 serves") != std::string::npos);
  world.shelf.Put(kPreforkdNext, "crash");
  CHECK(Upgrade(world.daemon).code == 1);
  world.ExpectNobodyLost();
  REQUIRE(::chown(world.folder.c_str(), 65534, 65534) == 0);
  fs::rename(world.Server(), world.folder + "/server.1");
  world.daemon.Signal(SIGUSR1);
  CHECK(WaitUntil(kTimeout, [&] {
    return ReadFile(world.Server()).find("log reopened by all processes") != std::string::npos;
  }));
  world.clients.reset();
}

}  // namespace preforkd::testing
