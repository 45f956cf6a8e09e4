// Where the log goes, and how its lines are formatted there: journal, terminal, pipe, syslog. Each in a
// process of its own, because standard error and the log belong to a process.
#include "master/system/log_output.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "common/base/log.h"
#include "common/base/unique_fd.h"
#include "tests/support/fork_peer.h"
#include "tests/support/temp_directory.h"

namespace preforkd::testing {
namespace {

// The bytes that can be read now.
std::string ReadNow(int fd) {
  std::array<char, 65536> buffer;
  const ssize_t size = ::read(fd, buffer.data(), buffer.size());
  return size > 0 ? std::string(buffer.data(), static_cast<std::size_t>(size)) : "";
}

std::array<UniqueFd, 2> Pair(int type) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends.data()) < 0) std::abort();
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// `fd` becomes standard error, and JOURNAL_STREAM names it as the journal's; with `off_by` another file.
void BecomeJournal(int fd, unsigned long off_by) {
  ::dup2(fd, STDERR_FILENO);
  struct stat file {};
  ::fstat(STDERR_FILENO, &file);
  ::setenv("JOURNAL_STREAM", fmt::format("{}:{}", file.st_dev, file.st_ino + off_by).c_str(), 1);
}

// Makes a terminal the standard error and returns its other end. Each test is a process, so nothing is
// restored.
UniqueFd BecomeTerminal() {
  UniqueFd ours(::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  if (!ours.Valid() || ::grantpt(ours.Get()) < 0 || ::unlockpt(ours.Get()) < 0) std::abort();
  const UniqueFd theirs(::open(::ptsname(ours.Get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
  ::dup2(theirs.Get(), STDERR_FILENO);
  return ours;
}

// Like one that stayed open across execve(2).
SavedLog Left(SavedLog log) {
  if (log.fd >= 0) log.fd = ::dup(log.fd);
  return log;
}

// A receiver as a syslog daemon has it.
class SyslogDaemon {
 public:
  explicit SyslogDaemon(const std::string& path)
      : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    ::unlink(path.c_str());
    if (::bind(fd_.Get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) < 0) std::abort();
  }
  [[nodiscard]] std::string Receive() const { return ReadNow(fd_.Get()); }

 private:
  UniqueFd fd_;
};

LogConfig Syslog(const std::string& file, const std::string& path) {
  LogConfig config;
  config.file = file;
  config.syslog_socket = path;
  return config;
}

// "<155>Nov 23 16:03:08 preforkd[17]: " in front of `rest`?
bool IsSyslog(const std::string& message, int priority, const std::string& rest) {
  const std::string start = fmt::format("<{}>", priority);
  const std::string end = fmt::format(" preforkd[{}]: {}", ::getpid(), rest);
  return message.starts_with(start) && message.ends_with(end) &&
         message.size() == start.size() + std::strlen("Nov 23 16:03:08") + end.size();
}

}  // namespace

TEST_CASE("the journal gets priorities and no time, and never blocks us") {
  const PeerResult peer = RunPeer([] {
    const auto [ours, theirs] = Pair(SOCK_STREAM);
    BecomeJournal(theirs.Get(), 0);
    LogOutput output;
    LogConfig config;
    config.level = log::Level::kDebug;
    if (!output.Apply(config).Ok()) return 1;
    const std::string who = fmt::format("preforkd pid={} event=serving: ", ::getpid());
    log::Warning(log::kServing, "careful");
    if (ReadNow(ours.Get()) != "<4>" + who + "careful\n") return 2;
    log::Alert(log::kServing, "bug\nforged");
    if (ReadNow(ours.Get()) != "<1>" + who + "bug\\nforged\n") return 3;
    log::Debug(log::kServing, "detail");
    if (ReadNow(ours.Get()) != "<7>" + who + "detail\n") return 4;
    if (output.Fds().sink != log::Sink::kJournal) return 5;
    for (int i = 0; i < 100'000 && log::Dropped() == 0; ++i)
      log::Info(log::kServing, "{}", std::string(200, 'x'));  // the reader has stopped
    return log::Dropped() > 0 ? 0 : 6;
  });
  CHECK_MESSAGE(peer.Ok(), peer.Text());
}

TEST_CASE("JOURNAL_STREAM of another file has no effect") {
  const PeerResult peer = RunPeer([] {
    const auto [ours, theirs] = Pair(SOCK_STREAM);
    BecomeJournal(theirs.Get(), 1);
    LogOutput output;
    if (!output.Apply({}).Ok()) return 1;
    log::Warning(log::kServing, "careful");
    return ReadNow(ours.Get()).starts_with("20") ? 0 : 2;
  });
  CHECK_MESSAGE(peer.Ok(), peer.Text());
}

TEST_CASE("a terminal gets colours, unless they are turned off; JSON never does") {
  for (const bool wanted : {true, false}) {
    for (const log::Format format : {log::Format::kText, log::Format::kJson}) {
      CAPTURE(wanted);
      const PeerResult peer = RunPeer([&] {
        const UniqueFd screen = BecomeTerminal();
        ::setenv("TERM", "xterm", 1);
        wanted ? ::unsetenv("NO_COLOR") : ::setenv("NO_COLOR", "1", 1);
        LogOutput output;
        LogConfig config;
        config.format = format;
        if (!output.Apply(config).Ok()) return 1;
        log::Error(log::kServing, "bad");
        const std::string line = ReadNow(screen.Get());
        if (line.find("bad") == std::string::npos) return 2;
        const bool coloured = line.find("\x1b[31merror") != std::string::npos;
        if (!coloured && line.find('\x1b') != std::string::npos) return 3;
        return coloured == (wanted && format == log::Format::kText) ? 0 : 4;
      });
      CHECK_MESSAGE(peer.Ok(), peer.Text());
    }
  }
}

TEST_CASE("a pipe as standard error does not block us, and stays unchanged for others") {
  const PeerResult peer = RunPeer([] {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) < 0) return 1;
    ::dup2(ends[1], STDERR_FILENO);
    LogOutput output;
    if (!output.Apply({}).Ok()) return 2;
    for (int i = 0; i < 10'000 && log::Dropped() == 0; ++i)
      log::Info(log::kServing, "{}", std::string(200, 'x'));
    if (log::Dropped() == 0) return 3;
    return (::fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK) == 0 ? 0 : 4;
  });
  CHECK_MESSAGE(peer.Ok(), peer.Text());
}

TEST_CASE("syslog: one datagram a line, with facility and severity") {
  const TempDirectory folder;
  const PeerResult peer = RunPeer([&] {
    const std::string path = folder.Path("log");
    const SyslogDaemon daemon(path);
    LogOutput output;
    if (!output.Apply(Syslog("syslog:local3", path)).Ok()) return 1;
    const std::string who = fmt::format("preforkd pid={} event=serving: ", ::getpid());
    log::Error(log::kServing, "bad\nforged");
    if (!IsSyslog(daemon.Receive(), 19 * 8 + 3, "error: " + who + "bad\\nforged")) return 2;
    if (!output.Apply(Syslog("syslog", path)).Ok()) return 3;
    log::Notice(log::kServing, "one");
    log::Notice(log::kServing, "two");
    if (!IsSyslog(daemon.Receive(), 3 * 8 + 5, "notice: " + who + "one")) return 4;
    if (!IsSyslog(daemon.Receive(), 3 * 8 + 5, "notice: " + who + "two")) return 5;
    log::SetFormat(log::Format::kJson);
    log::Info(log::kServing, "three");
    const std::string message = daemon.Receive();
    const auto json = nlohmann::json::parse(message.substr(message.find('{')));
    return json["message"] == "three" ? 0 : 6;
  });
  CHECK_MESSAGE(peer.Ok(), peer.Text());
}

TEST_CASE(
    "a syslog daemon that does not read, is not there, or is restarted, blocks nothing; lost lines are "
    "said") {
  const TempDirectory folder;
  const PeerResult peer = RunPeer([&] {
    const std::string path = folder.Path("log");
    std::atomic<std::uint64_t> dropped{0};
    log::SetDropCounter(&dropped);
    LogOutput output;
    if (!output.Apply(Syslog("syslog", path)).Ok()) return 1;
    log::Info(log::kServing, "nobody is there");
    if (dropped != 1) return 2;
    {
      const SyslogDaemon first(path);
      log::Info(log::kServing, "a");
      if (first.Receive().find("1 log lines could not be written") == std::string::npos) return 3;
      if (first.Receive().find(": a") == std::string::npos) return 4;
      for (int i = 0; i < 10'000 && log::Dropped() == 0; ++i)
        log::Info(log::kServing, "{}", std::string(500, 'x'));
      if (log::Dropped() == 0) return 5;
    }
    log::Info(log::kServing, "its daemon has ended");
    const SyslogDaemon second(path);
    log::Info(log::kServing, "b");
    if (second.Receive().find("log lines could not be written") == std::string::npos) return 6;
    if (second.Receive().find(": b") == std::string::npos) return 7;
    return log::Dropped() == 0 ? 0 : 8;
  });
  CHECK_MESSAGE(peer.Ok(), peer.Text());
}

TEST_CASE("logs stay open for the next program: one that cannot be reopened is used further") {
  const PeerResult peer = RunPeer([] {
    const TempDirectory place;
    const std::string folder = place.Path("log");
    std::filesystem::create_directory(folder);
    LogConfig config;
    config.file = folder + "/server";
    config.access = folder + "/access";
    LogOutput old;
    if (!old.Apply(config).Ok()) return 1;
    const UniqueFd reader(::open(config.file.c_str(), O_RDONLY | O_CLOEXEC));
    const SavedLog server = Left(old.SaveServer());
    const SavedLog access = Left(old.SaveAccess());
    std::filesystem::remove_all(folder);

    LogOutput next;
    next.Restore(server, access);
    if (next.Apply(config).Ok()) return 2;
    if (next.Fds().server != server.fd || next.Fds().access != access.fd) return 3;
    log::Notice(log::kServing, "into the old file");
    if (ReadNow(reader.Get()).find("into the old file") == std::string::npos) return 4;
    std::filesystem::create_directory(folder);
    if (!next.Reopen().Ok() || !std::filesystem::exists(config.file)) return 5;
    return next.Fds().server != server.fd && std::filesystem::exists(config.access) ? 0 : 6;
  });
  CHECK_MESSAGE(peer.Ok(), peer.Text());
}

TEST_CASE("logs of a program that does not save them, or of a kind unknown to this one") {
  const PeerResult peer = RunPeer([] {
    LogOutput next;
    next.Restore({}, {});
    if (next.Fds() != LogFds{}) return 1;
    const std::array<UniqueFd, 2> pair = Pair(SOCK_STREAM);
    next.Restore(Left({pair[0].Get(), "cloud:", 200}), {-1, "off", 0});
    log::Notice(log::kServing, "as it is");
    if (next.Fds().sink != log::Sink::kFile || next.Fds().access != -1) return 2;
    return ReadNow(pair[1].Get()).find("as it is") != std::string::npos ? 0 : 3;
  });
  CHECK_MESSAGE(peer.Ok(), peer.Text());
}

}  // namespace preforkd::testing
