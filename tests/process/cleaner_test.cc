// Files that a cleaner (tmpfiles.d, rm) removes under a running server: a reload creates them again and logs
// it. A file that another process put in their place is left alone.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "common/net/address.h"
#include "common/net/socket_ops.h"
#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/fd_snapshot.h"
#include "tests/support/program_shelf.h"
#include "tests/support/strace.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

std::string Unix(const DaemonProcess& daemon) { return "unix:" + daemon.Path("web.sock"); }

std::vector<std::string> Flags(const DaemonProcess& daemon) {
  return {"--service", "echo",  "--listen",      Unix(daemon), "--workers",
          "1",         "--set", "workers_max=1", "--pid-file", daemon.Path("pid")};
}

bool Echoes(const std::string& address) {
  auto client = TcpClient::Connect(address);
  return client.Ok() && client.Value().Echoes("ping");
}

bool Answers(const DaemonProcess& daemon) {
  auto client = TcpClient::Connect("unix:" + daemon.Path("control.sock"));
  return client.Ok() && client.Value().SendAll("{\"command\":\"status\"}\n") &&
         client.Value().ReadUntil("\n").value_or("").starts_with(R"({"ok":true)");
}

pid_t PidIn(const std::string& path) { return std::atoi(ReadFile(path).c_str()); }

void PutFile(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

}  // namespace

TEST_CASE("control socket, Unix listener and pid file were removed: SIGHUP creates all of them again") {
  DaemonProcess daemon;
  daemon.Serve(1, Flags(daemon));
  TcpClient before(Unix(daemon));
  REQUIRE(before.Echoes("ping"));
  for (int round = 1; round <= 2; ++round) {
    for (const char* name : {"control.sock", "web.sock", "pid"})
      REQUIRE(std::filesystem::remove(daemon.Path(name)));
    CHECK(daemon.Reload());
    CHECK(Answers(daemon));
    CHECK(Echoes(Unix(daemon)));
    CHECK(before.Echoes("ping"));
    CHECK(PidIn(daemon.Path("pid")) == daemon.MasterPid());
    CHECK(daemon.WaitForEvent("file_restored", 3U * static_cast<unsigned>(round)));
    CHECK(daemon.CountEvents("file_restored") == 3U * static_cast<unsigned>(round));
    struct stat info {};
    REQUIRE(::stat(daemon.Path("control.sock").c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
    REQUIRE(daemon.AwaitWorkers(1));
  }
  // It is still one listener with one row of counters.
  const CommandResult metrics = Ctl(daemon, {"metrics"});
  CHECK(LinesWith(metrics.out, "preforkd_connections_accepted_total{").size() == 1);
  CHECK(LinesWith(metrics.out, "preforkd_connections_accepted_total{").at(0).ends_with(" 3"));
  before.Close();
}

TEST_CASE("a reload while all files exist logs nothing and creates nothing") {
  DaemonProcess daemon;
  daemon.Serve(1, Flags(daemon));
  struct stat before {};
  struct stat after {};
  REQUIRE(::stat(daemon.Path("web.sock").c_str(), &before) == 0);
  CHECK(daemon.Reload());
  REQUIRE(::stat(daemon.Path("web.sock").c_str(), &after) == 0);
  CHECK(before.st_ino == after.st_ino);
  CHECK(daemon.CountEvents("file_restored") == 0);
}

TEST_CASE("a client in the queue of a removed listener is served, and waiting reloads are answered") {
  DaemonProcess daemon;
  daemon.Serve(1, Flags(daemon));
  daemon.Signal(SIGSTOP);
  TcpClient queued(Unix(daemon));
  TcpClient first("unix:" + daemon.Path("control.sock"));
  TcpClient second("unix:" + daemon.Path("control.sock"));
  for (TcpClient* waiter : {&first, &second})
    REQUIRE(waiter->SendAll("{\"command\":\"reload\",\"wait\":true}\n"));
  for (const char* name : {"control.sock", "web.sock"}) REQUIRE(std::filesystem::remove(daemon.Path(name)));
  daemon.Signal(SIGCONT);
  CHECK(queued.Echoes("ping"));
  CHECK(first.ReadUntil("\n").value_or("").find("generation 2 serves") != std::string::npos);
  CHECK(second.ReadUntil("\n").value_or("").find("generation 3 serves") != std::string::npos);
  CHECK(Answers(daemon));
  CHECK(Echoes(Unix(daemon)));
  REQUIRE(daemon.AwaitWorkers(1));
}

TEST_CASE("a file of another process is left alone and logged, by a reload and at the end") {
  DaemonProcess daemon;
  daemon.Serve(1, Flags(daemon));
  const UniqueFd other = BindSocket(SocketPath(daemon.Path("new.sock")).Value()).Value();
  REQUIRE(Listen(other.Get(), 1).Ok());
  std::filesystem::rename(daemon.Path("new.sock"), daemon.Path("web.sock"));
  for (const char* name : {"control.sock", "pid"}) {
    REQUIRE(std::filesystem::remove(daemon.Path(name)));
    PutFile(daemon.Path(name), "mine\n");
  }
  CHECK(daemon.Reload());
  CHECK(daemon.AwaitEvents("file_replaced path=" + Unix(daemon), 1) == 1);
  CHECK(daemon.AwaitEvents("file_replaced path=" + daemon.Path("control.sock"), 1) == 1);
  CHECK(daemon.AwaitEvents("file_replaced path=" + daemon.Path("pid"), 1) == 1);
  daemon.Signal(SIGTERM);
  CHECK(daemon.Wait() == 0);
  for (const char* name : {"control.sock", "pid"}) CHECK(ReadFile(daemon.Path(name)) == "mine\n");
  CHECK(TcpClient::Connect(Unix(daemon)).Ok());
  for (const char* name : {"control.sock", "pid", "web.sock"}) std::filesystem::remove(daemon.Path(name));
}

TEST_CASE("the folder was removed, too: it is created again, and if that fails, the reload does not") {
  DaemonProcess daemon;
  const std::string folder = daemon.Path("run");
  REQUIRE(::mkdir(folder.c_str(), 0755) == 0);
  daemon.Serve(1, {"--service", "echo", "--listen", "127.0.0.1:0", "--workers", "1", "--pid-file",
                   folder + "/pid", "--control", folder + "/control.sock"});
  std::filesystem::remove_all(folder);
  CHECK(daemon.Reload());
  CHECK(TcpClient::Connect("unix:" + folder + "/control.sock").Ok());
  CHECK(PidIn(folder + "/pid") == daemon.MasterPid());
  std::filesystem::remove_all(folder);
  PutFile(folder, "no folder\n");
  CHECK(daemon.Reload());
  CHECK(daemon.AwaitEvents("file_removed path=" + folder + "/control.sock", 1) == 1);
  CHECK(daemon.AwaitEvents("file_removed path=" + folder + "/pid", 1) == 1);
  CHECK(Echoes(daemon.Address()));
  daemon.IgnoreDescriptors();  // its pid file is deleted
  std::filesystem::remove(folder);
}

TEST_CASE("the folder of a listener alone, and of a pid file alone, is created again with them") {
  DaemonProcess daemon;
  const std::string sockets = daemon.Path("sockets");
  const std::string pids = daemon.Path("pids");
  for (const std::string& folder : {sockets, pids}) REQUIRE(::mkdir(folder.c_str(), 0755) == 0);
  daemon.Serve(1, {"--service", "echo", "--listen", "unix:" + sockets + "/web.sock", "--workers", "1",
                   "--set", "workers_max=1", "--pid-file", pids + "/pid"});
  for (const std::string& folder : {sockets, pids}) std::filesystem::remove_all(folder);
  CHECK(daemon.Reload());
  CHECK(Echoes("unix:" + sockets + "/web.sock"));
  CHECK(PidIn(pids + "/pid") == daemon.MasterPid());
  CHECK(daemon.CountEvents("file_removed") == 0);
  daemon.Signal(SIGTERM);
  CHECK(daemon.Wait() == 0);
  for (const std::string& folder : {sockets, pids}) CHECK(std::filesystem::remove(folder));  // empty by now
}

TEST_CASE("an upgrade creates them again, too") {
  ProgramShelf shelf(kPreforkd);
  DaemonProcess daemon(shelf.Path());
  daemon.Serve(1, Flags(daemon));
  for (const char* name : {"control.sock", "web.sock", "pid"})
    REQUIRE(std::filesystem::remove(daemon.Path(name)));
  daemon.Signal(SIGUSR2);
  CHECK(daemon.WaitForEvent("upgrade_done generation=2"));
  CHECK(WaitUntil(kTimeout, [&] { return Answers(daemon); }));
  CHECK(Echoes(Unix(daemon)));
  CHECK(PidIn(daemon.Path("pid")) == daemon.MasterPid());
  REQUIRE(daemon.AwaitWorkers(1));
}

// ---- the pid file alone ----

namespace {

ConfigText PidConfig(const std::string& path) {
  return ConfigText().Workers(1).Set("pid_file", path).Listen("s").Service("s", "echo");
}

}  // namespace

TEST_CASE("another pid_file takes effect at a reload: locked, written, and the old one is removed") {
  DaemonProcess daemon;
  daemon.WriteConfig(PidConfig(daemon.Path("first")));
  daemon.Serve(1);
  daemon.WriteConfig(PidConfig(daemon.Path("second")));
  CHECK(daemon.Reload());
  CHECK_FALSE(std::filesystem::exists(daemon.Path("first")));
  CHECK(PidIn(daemon.Path("second")) == daemon.MasterPid());
  CHECK(daemon.AwaitEvents("pid_file path=" + daemon.Path("second"), 1) == 1);
  // It is locked: no other server gets it.
  DaemonProcess other;
  CHECK(other.Run({"--service", "echo", "--listen", "127.0.0.1:0", "--pid-file", daemon.Path("second")}) ==
        71);
  CHECK(other.AwaitEvents("start_failed errno=EAGAIN", 1) == 1);
  CHECK(other.Stderr().find(fmt::format("is held by process {}", daemon.MasterPid())) != std::string::npos);
  other.ExpectExit(71);
  // The same file by another name: the lock is kept.
  const std::string by_another_name =
      std::filesystem::path(daemon.Path("second")).parent_path().string() + "/./second";
  daemon.WriteConfig(PidConfig(by_another_name));
  CHECK(daemon.Reload());
  CHECK(PidIn(daemon.Path("second")) == daemon.MasterPid());
  DaemonProcess third;
  CHECK(third.Run({"--service", "echo", "--listen", "127.0.0.1:0", "--pid-file", daemon.Path("second")}) ==
        71);
  third.ExpectExit(71);
  // None.
  daemon.WriteConfig(PidConfig(""));
  CHECK(daemon.Reload());
  CHECK_FALSE(std::filesystem::exists(daemon.Path("second")));
  // And one again.
  daemon.WriteConfig(PidConfig(daemon.Path("first")));
  CHECK(daemon.Reload());
  CHECK(PidIn(daemon.Path("first")) == daemon.MasterPid());
  // The last of the old workers has ended and its channel is closed: listener, control socket and one channel
  // are left.
  REQUIRE(WaitUntil(kTimeout, [&] { return FdSnapshot::Of(daemon.MasterPid()).Count("socket") == 4; }));
  daemon.RebaseDescriptors();
}

TEST_CASE(
    "a pid_file that another server holds, or that cannot be created: the reload is refused, the old one "
    "stays") {
  DaemonProcess other;
  other.Serve(1, Flags(other));
  DaemonProcess daemon;
  daemon.WriteConfig(PidConfig(daemon.Path("first")));
  daemon.Serve(1);
  for (const std::string& path : {other.Path("pid"), daemon.Path("no/such/folder")}) {
    daemon.WriteConfig(PidConfig(path));
    CHECK_FALSE(daemon.Reload());
    CHECK(PidIn(daemon.Path("first")) == daemon.MasterPid());
  }
  CHECK(daemon.AwaitEvents(fmt::format("reload_refused why~\"pid_file: {} is held by process {}\"",
                                       other.Path("pid"), other.MasterPid()),
                           1) == 1);
  CHECK(daemon.AwaitEvents("reload_refused why~\"pid_file: open \"", 1) == 1);
  CHECK(PidIn(other.Path("pid")) == other.MasterPid());
}

TEST_CASE("a pid_file that is not a regular file is refused and kept") {
  DaemonProcess refused;
  const std::string fifo = refused.Path("fifo");
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  refused.ExpectExit(71);
  CHECK(refused.Run({"--service", "echo", "--listen", "127.0.0.1:0", "--workers", "1", "--pid-file", fifo}) ==
        71);
  CHECK(refused.AwaitEvents("start_failed errno=0 why~\"regular file\"", 1) == 1);
  CHECK(std::filesystem::exists(fifo));
  std::filesystem::remove(fifo);
}

TEST_CASE("a pid_file that holds something else, such as the configuration, is refused and kept as it is") {
  DaemonProcess refused;
  const std::string precious = refused.Path("precious");
  PutFile(precious, "workers = 1\n");
  refused.ExpectExit(71);
  CHECK(refused.Run({"--service", "echo", "--listen", "127.0.0.1:0", "--workers", "1", "--pid-file",
                     precious}) == 71);
  CHECK(refused.AwaitEvents("start_failed errno=0 why~\"pid file\"", 1) == 1);
  CHECK(ReadFile(precious) == "workers = 1\n");
  std::filesystem::remove(precious);
}

TEST_CASE("a full disk: neither a start nor a reload goes on with an empty pid file") {
  DaemonProcess daemon;
  const std::string disk = daemon.Path("disk");
  REQUIRE(::mkdir(disk.c_str(), 0755) == 0);
  if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=64k") < 0) {
    std::filesystem::remove(disk);
    MESSAGE("skipped: no tmpfs can be mounted here");
    return;
  }
  {
    const UniqueFd filler(::open((disk + "/filler").c_str(), O_WRONLY | O_CREAT, 0600));
    const std::string block(4096, 'x');
    while (::write(filler.Get(), block.data(), block.size()) > 0) {
    }
  }
  DaemonProcess refused;
  CHECK(refused.Run({"--service", "echo", "--listen", "127.0.0.1:0", "--workers", "1", "--pid-file",
                     disk + "/pid"}) == 71);
  CHECK(refused.AwaitEvents("start_failed errno=ENOSPC", 1) == 1);
  refused.ExpectExit(71);
  CHECK_FALSE(std::filesystem::exists(disk + "/pid"));
  daemon.WriteConfig(PidConfig(daemon.Path("first")));
  daemon.Serve(1);
  daemon.WriteConfig(PidConfig(disk + "/pid"));
  CHECK_FALSE(daemon.Reload());
  CHECK(daemon.AwaitEvents("reload_refused why~\"pid_file: \"", 1) == 1);
  CHECK_FALSE(std::filesystem::exists(disk + "/pid"));
  CHECK(PidIn(daemon.Path("first")) == daemon.MasterPid());
  REQUIRE(::umount(disk.c_str()) == 0);
  std::filesystem::remove(disk);
}

TEST_CASE("a write that fails leaves no file, and the log says so") {
  DaemonProcess daemon;
  daemon.WriteConfig(PidConfig(daemon.Path("first")));
  daemon.Serve(1);
  const Strace strace(daemon.MasterPid(), {"-e", "inject=pwrite64:error=ENOSPC"}, daemon.Path("strace.log"));
  if (!strace.Attached()) {
    MESSAGE("skipped: strace is not there, or may not trace");
    return;
  }
  daemon.WriteConfig(PidConfig(daemon.Path("second")));
  CHECK_FALSE(daemon.Reload());
  CHECK(daemon.AwaitEvents("reload_refused why~\"pid_file: write " + daemon.Path("second") + "\"", 1) == 1);
  CHECK_FALSE(std::filesystem::exists(daemon.Path("second")));
  CHECK(PidIn(daemon.Path("first")) == daemon.MasterPid());
}

}  // namespace preforkd::testing
