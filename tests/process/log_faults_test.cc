// Logs that cannot be written: a full disk, a deleted file, a pipe without a reader, a file size limit. The
// server serves on, counts and logs dropped lines, and writes whole lines only.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "common/base/unique_fd.h"
#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"

namespace preforkd::testing {
namespace {

std::vector<std::string> Flags(const std::vector<std::string>& settings) {
  std::vector<std::string> flags = {"--listen", "127.0.0.1:0", "--workers", "2"};
  for (const std::string& setting : settings) flags.insert(flags.end(), {"--set", setting});
  return flags;
}

// Sends `count` requests, each on its own connection: all must be answered.
void Ask(const std::string& address, int count) {
  for (int i = 0; i < count; ++i) {
    const auto response = HttpClient(address).Get("/", "Connection: close\r\n");
    REQUIRE(response.has_value());
    CHECK(response->status == 200);
  }
}

std::uint64_t Dropped(const std::string& address, const char* log) {
  const auto response = HttpClient(address).Get("/status.json", "Connection: close\r\n");
  REQUIRE(response.has_value());
  return nlohmann::json::parse(response->body).at("log_lines_dropped").at(log);
}

// Makes the master write log lines without any change: it has that many workers already.
void MakeItSpeak(const DaemonProcess& daemon) {
  TcpClient operators("unix:" + daemon.Path("control.sock"));
  REQUIRE(operators.SendAll("{\"command\":\"scale\",\"workers\":2}\n"));
  REQUIRE(operators.ReadUntil("\n"));
}

// Counts access lines; others must be lines of the server's log. Fails the test for a line that is neither.
std::size_t CountAccess(const std::vector<std::string>& lines) {
  std::size_t count = 0;
  for (const std::string& line : lines) {
    const bool access = line.starts_with("127.0.0.1 - - [") && line.find(" duration=") != std::string::npos;
    const bool server = line.starts_with("20") && line.find(" pid=") != std::string::npos;
    CHECK_MESSAGE((access || server), line);
    if (access) ++count;
  }
  return count;
}

void LimitFileSize(const DaemonProcess& daemon, rlim_t bytes) {
  const rlimit limit{bytes, RLIM_INFINITY};
  std::vector<pid_t> pids = daemon.WorkerPids();
  pids.push_back(daemon.MasterPid());
  for (const pid_t pid : pids) REQUIRE(::prlimit(pid, RLIMIT_FSIZE, &limit, nullptr) == 0);
}

}  // namespace

TEST_CASE(
    "a file size limit: the server serves on, counts dropped lines, and logs it when it can write again") {
  DaemonProcess daemon;
  const std::string access = daemon.Path("access.log");
  daemon.Serve(1, Flags({"log.access=" + access, "log.level=debug", "workers=1", "workers_max=1",
                         "log.file=" + daemon.Path("server.log")}));
  Ask(daemon.Address(), 20);
  REQUIRE(WaitUntil(kTimeout, [&] { return Lines(ReadFile(access)).size() == 20; }));
  LimitFileSize(daemon, std::filesystem::file_size(access) + 50);
  Ask(daemon.Address(), 600);  // more than the worker's buffer holds
  CHECK(Lines(ReadFile(access)).size() == 20);
  CHECK(ReadFile(access).ends_with("\n"));
  const std::uint64_t dropped = Dropped(daemon.Address(), "access");
  CHECK(dropped > 0);
  LimitFileSize(daemon, RLIM_INFINITY);
  CHECK(daemon.WaitForEvent("access_log_restored"));
  Ask(daemon.Address(), 10);
  const std::size_t expected = 20 + 600 + 1 + 10 - Dropped(daemon.Address(), "access") + 1;
  CHECK(WaitUntil(kTimeout, [&] { return Lines(ReadFile(access)).size() == expected; }));
  CHECK(CountAccess(Lines(ReadFile(access))) == expected);
}

TEST_CASE("a full disk: the same for both logs") {
  const TempDirectory disk;
  // Without the filler it has room for the lines that the workers buffered.
  if (::mount("tmpfs", disk.Path().c_str(), "tmpfs", 0, "size=512k") < 0) {
    MESSAGE("skipped: no tmpfs can be mounted here");
    return;
  }
  {
    DaemonProcess daemon;
    const std::string server = disk.Path("server.log");
    const std::string access = disk.Path("access.log");
    const std::string socket = "unix:" + daemon.Path("http.sock");
    // Not at level debug: its lines would soon fill the small disk again.
    daemon.Start(
        {"--listen", socket, "--workers", "2", "--log-file", server, "--set", "log.access=" + access});
    REQUIRE(WaitUntil(kTimeout, [&] { return EntriesOf(ReadFile(server), "serving").size() == 1; }));
    Ask(socket, 5);
    const int filler = ::open(disk.Path("filler").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    const UniqueFd owner(filler);
    const std::string page(4096, 'x');
    while (::write(filler, page.data(), page.size()) > 0) {
    }
    Ask(socket, 600);
    // Until the last page of the server's log is full, too.
    CHECK(WaitUntil(kTimeout, [&] {
      MakeItSpeak(daemon);
      return Dropped(socket, "server") >
             20;  // lines of the master among them: workers may log nothing more later
    }));
    const std::uint64_t access_dropped = Dropped(socket, "access");
    CHECK(access_dropped > 0);
    REQUIRE(::ftruncate(filler, 0) == 0);
    MakeItSpeak(daemon);
    CHECK(WaitUntil(kTimeout, [&] {
      Ask(socket, 1);
      const std::string text = ReadFile(server);
      return !EntriesOf(text, "log_dropped").empty() && !EntriesOf(text, "access_log_restored").empty();
    }));
    for (const std::string& line : Lines(ReadFile(access))) {
      CHECK_MESSAGE((line.starts_with("unix: - - [") && line.find(" duration=") != std::string::npos), line);
    }
    MESSAGE("dropped: ", access_dropped, " access lines, ", Dropped(socket, "server"), " log lines");
    daemon.Signal(SIGTERM);
    CHECK(daemon.Wait() == 0);
  }
  CHECK(::umount2(disk.Path().c_str(), MNT_DETACH) == 0);
}

TEST_CASE("/dev/full as both logs, from the first line on") {
  DaemonProcess daemon;
  const std::string socket = "unix:" + daemon.Path("http.sock");
  daemon.Start(
      {"--listen", socket, "--workers", "2", "--log-file", "/dev/full", "--set", "log.access=/dev/full"});
  REQUIRE(WaitUntil(kTimeout, [&] { return TcpClient::Connect(socket).Ok(); }));
  Ask(socket, 300);
  CHECK(Dropped(socket, "server") > 0);
  daemon.Signal(SIGTERM);
  CHECK(daemon.Wait() == 0);
}

TEST_CASE("deleted files: lines are lost until the logs are reopened, which creates new files") {
  DaemonProcess daemon;
  const std::string access = daemon.Path("access.log");
  daemon.Serve(2, Flags({"log.access=" + access}));
  daemon.IgnoreDescriptors();  // "... (deleted)" for a while
  Ask(daemon.Address(), 10);
  REQUIRE(WaitUntil(kTimeout, [&] { return Lines(ReadFile(access)).size() == 10; }));
  std::filesystem::remove(access);
  Ask(daemon.Address(), 10);
  CHECK_FALSE(std::filesystem::exists(access));
  daemon.Signal(SIGUSR1);
  REQUIRE(daemon.WaitForEvent("log_reopened"));
  Ask(daemon.Address(), 10);
  CHECK(WaitUntil(kTimeout, [&] { return Lines(ReadFile(access)).size() == 10; }));
}

TEST_CASE(
    "a pipe that nobody reads does not stop the server; a later reader gets whole lines, old ones first") {
  const TempDirectory folder;  // outlives the server's descriptors
  const std::string fifo = folder.Path("fifo");
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  DaemonProcess daemon;
  daemon.Serve(2, Flags({"log.access=" + fifo}));
  Ask(daemon.Address(), 1500);  // more than the pipe and the workers' buffers hold
  CHECK(Dropped(daemon.Address(), "access") > 0);
  const UniqueFd reader(::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  REQUIRE(reader.Valid());
  std::string text;
  const auto drain = [&] {
    std::string piece(65536, '\0');
    for (ssize_t size = 0; (size = ::read(reader.Get(), piece.data(), piece.size())) > 0;) {
      text.append(piece, 0, static_cast<std::size_t>(size));
    }
  };
  CHECK(WaitUntil(kTimeout, [&] {
    drain();
    return daemon.CountEvents("access_log_restored") > 0;
  }));
  // One worker may write again before the other: send requests until a new one shows. The first 1501 are old.
  int last = 1501;
  CHECK(WaitUntil(kTimeout, [&] {
    Ask(daemon.Address(), 1);
    ++last;
    drain();
    const auto shows = [&](int conn) {
      return text.find(fmt::format("conn={} ", conn)) != std::string::npos;
    };
    bool fresh = false;
    for (int conn = 1502; conn <= last && !fresh; ++conn) fresh = shows(conn);
    return shows(1) && fresh;
  }));
  CHECK(CountAccess(Lines(text)) == Lines(text).size());
}

}  // namespace preforkd::testing
