// The log: one event is one line, whatever is in it, and lines that were lost are counted.
#include "common/base/log.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "common/base/unique_fd.h"
#include "tests/support/temp_directory.h"

namespace preforkd::testing {
namespace {

// The log of this process goes to a file for the length of a test, and then back.
class LogFile {
 public:
  LogFile() : fd_(::open(folder_.Path("log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {
    log::SetOutput(fd_.Get());
    log::SetLevel(log::Level::kInfo);
    log::SetIdentity(
        {"worker", static_cast<Slot>(3), static_cast<Incarnation>(17), static_cast<Generation>(2)});
  }
  ~LogFile() {
    log::SetOutput(STDERR_FILENO);
    log::SetFormat(log::Format::kText);
    log::SetIdentity({});
  }
  [[nodiscard]] std::string Text() const { return ReadFile(folder_.Path("log")); }
  [[nodiscard]] int Fd() const { return fd_.Get(); }

 private:
  TempDirectory folder_;
  UniqueFd fd_;
};

const std::string kEvil =
    std::string("line\nforged \"quoted\" back\\slash\ttab \x7f\x1b[31m ") + '\0' + " end \xc3\xa9";

}  // namespace

TEST_CASE("a text line has time, level, process and text") {
  const LogFile file;
  log::Error({log::kConnClosed, ConnId{99}}, "bad {}", 7);
  const std::string text = file.Text();
  CHECK(text.size() > 28);
  CHECK(text[10] == 'T');
  CHECK(text[26] == 'Z');
  CHECK(text.substr(27) ==
        fmt::format(" error   worker pid={} slot=3 inc=17 gen=2 conn=99 event=conn_closed: bad 7\n",
                    ::getpid()));
}

TEST_CASE("nothing that a client sends makes a second line, or controls a terminal") {
  const LogFile file;
  log::Info(log::kServing, "{}", kEvil);
  const std::string text = file.Text();
  CHECK(text.find('\n') == text.size() - 1);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.ends_with("line\\nforged \"quoted\" back\\slash\\ttab \\x7f\\x1b[31m \\x00 end \xc3\xa9\n"));
}

TEST_CASE("a JSON line is JSON, and gives the text back byte for byte") {
  const LogFile file;
  log::SetFormat(log::Format::kJson);
  log::Warning({log::kConnClosed, ConnId{5}}, "{}", kEvil);
  const std::string text = file.Text();
  CHECK(text.find('\n') == text.size() - 1);
  const nlohmann::json line = nlohmann::json::parse(text);
  CHECK(line["level"] == "warning");
  CHECK(line["role"] == "worker");
  CHECK(line["pid"] == ::getpid());
  CHECK(line["slot"] == 3);
  CHECK(line["incarnation"] == 17);
  CHECK(line["generation"] == 2);
  CHECK(line["conn"] == 5);
  CHECK(line["event"] == "conn_closed");
  CHECK(line["message"] == kEvil);
}

TEST_CASE("a line has the values of its subject by name, in text and in JSON") {
  const LogFile file;
  const WorkerId worker{Slot{8}, Incarnation{21}};
  const auto write = [&] {
    log::Notice({log::kWorkerExited,
                 worker,
                 ConnId{4},
                 {{"worker_pid", -7},
                  {"lost", std::uint64_t{3}},
                  {"ms", 1.5},
                  {"exit", "SIGSEGV"},
                  {"doing", kEvil}}},
                "gone");
  };
  write();
  CHECK(file.Text().find(
            " slot=8 inc=21 gen=2 conn=4 event=worker_exited worker_pid=-7 lost=3 ms=1.5 exit=SIGSEGV "
            "doing=\"line\\x0aforged \\x22quoted\\x22") != std::string::npos);
  CHECK(file.Text().ends_with(": gone\n"));
  const LogFile json;
  log::SetFormat(log::Format::kJson);
  write();
  const nlohmann::json line = nlohmann::json::parse(json.Text());
  CHECK(line["slot"] == 8);
  CHECK(line["incarnation"] == 21);
  CHECK(line["conn"] == 4);
  CHECK(line["event"] == "worker_exited");
  CHECK(line["worker_pid"] == -7);
  CHECK(line["lost"] == 3);
  CHECK(line["ms"] == 1.5);
  CHECK(line["exit"] == "SIGSEGV");
  CHECK(line["doing"] == kEvil);
}

TEST_CASE("the name of an event is one word, and no two are the same") {
  std::set<std::string_view> names;
  for (const log::EventInfo& info : log::kEvents) {
    CHECK(info.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos);
    CHECK(names.insert(info.name).second);
    CHECK(info.meaning.ends_with('.'));
    CHECK(log::EventName(info.event) == info.name);
  }
}

TEST_CASE("invalid UTF-8 does not make invalid JSON") {
  const LogFile file;
  log::SetFormat(log::Format::kJson);
  const std::string good = "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80";
  log::Info(log::kServing, "{}", good);
  CHECK(nlohmann::json::parse(file.Text())["message"] == good);
  for (const std::string bad : {"\xff", "\x80", "\xc3", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80",
                                "\xe2\x82", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80"}) {
    const LogFile one;
    log::SetFormat(log::Format::kJson);
    log::Info(log::kServing, "a{}z", bad);
    const std::string message = nlohmann::json::parse(one.Text())["message"];
    CHECK(message.starts_with("a\xef\xbf\xbd"));
    CHECK(message.ends_with("z"));
  }
}

TEST_CASE("a line longer than any buffer is one line") {
  const LogFile file;
  log::Info(log::kServing, "{}", std::string(100000, 'x'));
  CHECK(file.Text().find('\n') == file.Text().size() - 1);
  CHECK(file.Text().size() > 100000);
}

TEST_CASE("below the level nothing is written") {
  const LogFile file;
  log::SetLevel(log::Level::kError);
  log::Info(log::kServing, "not this");
  log::Alert(log::kServing, "but this");
  CHECK(file.Text().find("not this") == std::string::npos);
  CHECK(file.Text().find("but this") != std::string::npos);
  log::SetLevel(log::Level::kInfo);
}

TEST_CASE("lines that cannot be written are counted, and the next successful write reports how many") {
  const LogFile file;
  std::array<int, 2> pipe{};
  REQUIRE(::pipe2(pipe.data(), O_NONBLOCK | O_CLOEXEC) == 0);
  const UniqueFd reader(pipe[0]);
  const UniqueFd writer(pipe[1]);
  const std::string page(4096, 'f');
  while (::write(writer.Get(), page.data(), page.size()) > 0) {
  }
  log::SetOutput(writer.Get());
  for (int i = 0; i < 5; ++i) log::Info(log::kServing, "lost {}", i);
  CHECK(log::Dropped() == 5);
  log::SetOutput(file.Fd());
  log::Info(log::kServing, "through");
  CHECK(log::Dropped() == 0);
  const std::string text = file.Text();
  CHECK(text.find("5 log lines could not be written before this one") < text.find("through"));
}

TEST_CASE("lines of several threads are whole, while the output changes") {
  constexpr int kThreads = 4;
  constexpr int kLines = 500;
  const LogFile first;
  TempDirectory folder;
  const UniqueFd second(
      ::open(folder.Path("second").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([thread] {
      for (int line = 0; line < kLines; ++line) log::Info(log::kServing, "line {} of {} ends", line, thread);
    });
  }
  for (int i = 0; i < 100; ++i) log::SetOutput(i % 2 == 0 ? second.Get() : first.Fd());
  for (std::thread& thread : threads) thread.join();
  std::istringstream text(first.Text() + ReadFile(folder.Path("second")));
  std::set<std::string> seen;
  for (std::string line; std::getline(text, line);) {
    CHECK(line.find(" ends") == line.size() - 5);
    seen.insert(line.substr(line.find(": line ")));
  }
  CHECK(seen.size() == kThreads * kLines);
}

// Without the lock's own care for fork(2), a child that was forked while another thread wrote would wait for
// that thread for good.
TEST_CASE("a child of a process that logs in another thread can log") {
  const LogFile file;
  std::atomic<bool> over{false};
  std::thread writer([&over] {
    while (!over) log::Info(log::kServing, "busy");
  });
  for (int i = 0; i < 20; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::alarm(20);
      log::Info(log::kServing, "from the child");
      ::_exit(0);
    }
    REQUIRE(child > 0);
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
  }
  over = true;
  writer.join();
}

TEST_CASE("errno survives a log line") {
  const LogFile file;
  errno = E2BIG;
  log::Info(log::kServing, "something");
  CHECK(errno == E2BIG);
}

TEST_CASE("a level has a name") {
  CHECK(std::string(log::LevelName(log::Level::kDebug)) == "debug");
  CHECK(std::string(log::LevelName(log::Level::kAlert)) == "alert");
}

}  // namespace preforkd::testing
