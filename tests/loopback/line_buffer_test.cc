// Lines in shared memory: each is written once and whole, whenever the writing process is killed.
#include "common/scoreboard/line_buffer.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <memory>
#include <new>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "common/base/unique_fd.h"
#include "tests/support/fork_peer.h"
#include "tests/support/temp_directory.h"

namespace preforkd::testing {
namespace {

// The scoreboard's memory for one slot.
struct Shared {
  LineLedger ledger;
  std::array<char, LineBuffer::kCapacity> bytes;
};

class SharedLines {
 public:
  SharedLines() {
    void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    shared_ = static_cast<Shared*>(memory);  // all zero: empty
  }
  SharedLines(const SharedLines&) = delete;
  SharedLines& operator=(const SharedLines&) = delete;
  ~SharedLines() { ::munmap(shared_, sizeof(Shared)); }
  [[nodiscard]] LineBuffer Buffer() const { return {shared_->ledger, shared_->bytes}; }
  [[nodiscard]] LineLedger& Ledger() const { return shared_->ledger; }

 private:
  Shared* shared_;
};

class LogFile {
 public:
  explicit LogFile(int access = O_RDWR)
      : fd_(::open(Path().c_str(), access | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {
    REQUIRE(fd_.Valid());
  }
  [[nodiscard]] int Fd() const { return fd_.Get(); }
  [[nodiscard]] std::string Path() const { return folder_.Path("log"); }
  [[nodiscard]] std::string Text() const { return ReadFile(Path()); }

 private:
  TempDirectory folder_;
  UniqueFd fd_;
};

bool WriteAll(LineBuffer& lines, int fd) {
  while (!lines.Pending().empty()) {
    if (lines.Write(fd) != LineBuffer::Progress::kWritten) return false;
  }
  return true;
}

std::string Line(std::uint64_t number) {
  return fmt::format("line {} {}\n", number, std::string(number * 37 % 150, 'x'));
}

// The number of lines if the file has Line(0), Line(1) and so on only. -1: it has something else.
long CountInOrder(const std::string& text) {
  long count = 0;
  for (std::size_t at = 0; at < text.size(); ++count) {
    const std::string expected = Line(static_cast<std::uint64_t>(count));
    if (text.compare(at, expected.size(), expected) != 0) return -1;
    at += expected.size();
  }
  return count;
}

// Writes lines until it is killed; counts in shared memory those that are surely there.
[[noreturn]] void WriteForEver(LineBuffer lines, int fd, std::atomic<std::uint64_t>& appended) {
  for (std::uint64_t number = 0;; ++number) {
    if (!lines.Append(Line(number))) {
      if (!WriteAll(lines, fd) || !lines.Append(Line(number))) ::_exit(1);
    }
    appended.store(number + 1, std::memory_order_release);
    if (number % 7 == 0 && !WriteAll(lines, fd)) ::_exit(1);
  }
}

}  // namespace

TEST_CASE("lines come out as they went in, in one write, and the room is there again") {
  const SharedLines shared;
  LineBuffer lines = shared.Buffer();
  const LogFile file;
  std::string expected;
  for (std::uint64_t number = 0; number < 2000; ++number) {
    if (!lines.Append(Line(number))) {
      CHECK(lines.Write(file.Fd()) == LineBuffer::Progress::kWritten);
      CHECK(lines.Pending().empty());
      REQUIRE(lines.Append(Line(number)));
    }
    expected += Line(number);
  }
  CHECK(WriteAll(lines, file.Fd()));
  CHECK(file.Text() == expected);
}

TEST_CASE("without room nothing changes") {
  const SharedLines shared;
  LineBuffer lines = shared.Buffer();
  while (lines.Append(std::string(4095, 'x') + "\n")) {
  }
  const std::string before(lines.Pending());
  CHECK(before.size() == LineBuffer::kCapacity);
  CHECK_FALSE(lines.Append("y\n"));
  CHECK(lines.Pending() == before);
}

TEST_CASE("a writer killed at any moment leaves each line once and whole") {
  std::mt19937 random(4);
  long max_count = 0;
  for (int round = 0; round < 150; ++round) {
    const SharedLines shared;
    const LogFile file;
    auto* appended = static_cast<std::atomic<std::uint64_t>*>(
        ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) WriteForEver(shared.Buffer(), file.Fd(), *appended);
    while (appended->load() == 0) ::sched_yield();
    const std::uint64_t until = appended->load() + random() % 3000;
    while (appended->load() < until) ::sched_yield();
    REQUIRE(::kill(child, SIGKILL) == 0);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    LineBuffer lines = shared.Buffer();
    lines.Recover(file.Fd());
    CHECK(WriteAll(lines, file.Fd()));
    const long count = CountInOrder(file.Text());
    const auto sure = static_cast<long>(appended->load());
    CAPTURE(round);
    CHECK(count >= sure);
    CHECK(count <= sure + 1);  // appended, and killed before it was counted
    max_count = std::max(max_count, count);
    ::munmap(appended, 4096);
  }
  MESSAGE("at most ", max_count, " lines before the kill");
}

TEST_CASE(
    "a write that was under way is found in the file, whole, in part, or not at all, beside those of "
    "others") {
  const std::string block = Line(1) + Line(2) + Line(3);
  for (const bool others : {false, true}) {
    for (std::size_t written = 0; written <= block.size(); ++written) {
      CAPTURE(others);
      CAPTURE(written);
      const SharedLines shared;
      const LogFile file;
      REQUIRE(::write(file.Fd(), Line(0).data(), Line(0).size()) > 0);
      LineBuffer lines = shared.Buffer();
      REQUIRE(lines.Append(block));
      struct stat status {};
      REQUIRE(::fstat(file.Fd(), &status) == 0);
      shared.Ledger().inode = status.st_ino;
      shared.Ledger().size_before = static_cast<std::uint64_t>(status.st_size);
      shared.Ledger().progress = 1;
      std::string expected = Line(0);
      if (others) {
        REQUIRE(::write(file.Fd(), "others\n", 7) == 7);
        expected += "others\n";
      }
      REQUIRE(::write(file.Fd(), block.data(), written) == static_cast<ssize_t>(written));
      lines.Recover(file.Fd());
      CHECK(WriteAll(lines, file.Fd()));
      CHECK(file.Text() == expected + block);
    }
  }
}

TEST_CASE("a replaced or unreadable file counts as having got the interrupted write") {
  for (const bool other : {false, true}) {
    CAPTURE(other);
    const SharedLines shared;
    const LogFile file(other ? O_RDWR : O_WRONLY);
    LineBuffer lines = shared.Buffer();
    REQUIRE(lines.Append(Line(0)));
    struct stat status {};
    REQUIRE(::fstat(file.Fd(), &status) == 0);
    shared.Ledger().inode = other ? status.st_ino + 1 : status.st_ino;
    shared.Ledger().progress = 1;
    lines.Recover(file.Fd());
    CHECK(lines.Pending().empty());
  }
}

TEST_CASE("killed between the two steps of emptying, the buffer is empty, and the next line is not lost") {
  const SharedLines shared;
  LineBuffer lines = shared.Buffer();
  shared.Ledger().progress = 2000;
  CHECK(lines.Pending().empty());
  lines.Recover(-1);
  REQUIRE(lines.Append(Line(0)));
  CHECK(lines.Pending() == Line(0));
}

TEST_CASE("a full disk takes whole lines only, and the rest when it has room again") {
  const LogFile file;
  const PeerResult peer = RunPeer([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, RLIM_INFINITY};
    if (::setrlimit(RLIMIT_FSIZE, &limit) < 0) return 1;
    const SharedLines shared;
    LineBuffer lines = shared.Buffer();
    std::string all;
    for (std::uint64_t number = 0; number < 30; ++number) {
      if (!lines.Append(Line(number))) return 2;
      all += Line(number);
    }
    if (lines.Write(file.Fd()) != LineBuffer::Progress::kShort) return 3;
    const std::string first = file.Text();
    if (!first.ends_with("\n") || !all.starts_with(first) || first.size() < 700) return 4;
    // Now nothing fits, or a part of a line again: the file stays as it is.
    for (int i = 0; i < 3; ++i) {
      if (lines.Write(file.Fd()) == LineBuffer::Progress::kWritten) return 5;
      if (file.Text() != first) return 6;
    }
    const rlimit more{100'000, RLIM_INFINITY};
    if (::setrlimit(RLIMIT_FSIZE, &more) < 0) return 7;
    if (!WriteAll(lines, file.Fd())) return 8;
    return file.Text() == all ? 0 : 9;
  });
  CHECK_MESSAGE(peer.Ok(), peer.Text());
}

TEST_CASE("a part of a line that cannot be removed is ended before the next line") {
  const LogFile file(O_WRONLY);  // not readable: other processes may have written behind it
  const PeerResult peer = RunPeer([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{10, RLIM_INFINITY};
    if (::setrlimit(RLIMIT_FSIZE, &limit) < 0) return 1;
    const SharedLines shared;
    LineBuffer lines = shared.Buffer();
    if (!lines.Append("0123456789abcdef\n")) return 2;
    if (lines.Write(file.Fd()) != LineBuffer::Progress::kShort) return 3;
    const rlimit more{100'000, RLIM_INFINITY};
    if (::setrlimit(RLIMIT_FSIZE, &more) < 0) return 4;
    if (!WriteAll(lines, file.Fd())) return 5;
    return file.Text() == "0123456789\n0123456789abcdef\n" ? 0 : 6;
  });
  CHECK_MESSAGE(peer.Ok(), peer.Text());
}

TEST_CASE("a pipe gets pieces that it takes whole; when it is full the rest waits") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) == 0);
  const UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  REQUIRE(::fcntl(writer.Get(), F_SETPIPE_SZ, 4096) > 0);
  const SharedLines shared;
  LineBuffer lines = shared.Buffer();
  std::string expected;
  for (std::uint64_t number = 0; number < 200; ++number) {
    REQUIRE(lines.Append(Line(number)));
    expected += Line(number);
  }
  std::string got;
  std::array<char, 65536> buffer;
  while (!lines.Pending().empty()) {
    const LineBuffer::Progress progress = lines.Write(writer.Get());
    if (progress == LineBuffer::Progress::kWritten) continue;
    CHECK(progress == LineBuffer::Progress::kFailed);
    CHECK(errno == EAGAIN);
    const ssize_t size = ::read(reader.Get(), buffer.data(), buffer.size());
    REQUIRE(size > 0);
    got.append(buffer.data(), static_cast<std::size_t>(size));
    CHECK(got.ends_with("\n"));  // never a part of a line
  }
  const ssize_t size = ::read(reader.Get(), buffer.data(), buffer.size());
  if (size > 0) got.append(buffer.data(), static_cast<std::size_t>(size));
  CHECK(got == expected);
}

TEST_CASE(
    "whatever a wild worker leaves in the numbers, the master stays within its memory and comes to an end") {
  std::mt19937_64 random(7);
  const LogFile file;
  for (int round = 0; round < 2000; ++round) {
    const SharedLines shared;
    const auto wild = [&random] { return random() >> (random() % 64); };
    shared.Ledger().end = wild();
    shared.Ledger().progress = wild();
    shared.Ledger().inode = wild();
    shared.Ledger().size_before = wild();
    LineBuffer lines = shared.Buffer();
    lines.Recover(round % 2 == 0 ? file.Fd() : -1);
    int writes = 0;
    while (!lines.Pending().empty() && lines.Write(file.Fd()) == LineBuffer::Progress::kWritten) ++writes;
    CHECK(writes <= 10);
    (void)lines.Append("x\n");
  }
}

}  // namespace preforkd::testing
