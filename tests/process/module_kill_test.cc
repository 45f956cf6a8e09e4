// Workers are killed while modules answer: what is lost is what they were answering.
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <sqlite3.h>

#include <map>
#include <string>

#include "tests/support/askers.h"
#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/worker_kills.h"

namespace preforkd::testing {
namespace {

class Database {
 public:
  explicit Database(const std::string& path) { REQUIRE(sqlite3_open(path.c_str(), &database_) == SQLITE_OK); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() { sqlite3_close(database_); }

  // The first column of each row, and how often it is there.
  std::map<std::string, int> Count(const char* query) {
    std::map<std::string, int> rows;
    const auto add = [](void* to, int, char** columns, char**) {
      ++(*static_cast<std::map<std::string, int>*>(to))[columns[0]];
      return 0;
    };
    CHECK(sqlite3_exec(database_, query, add, &rows, nullptr) == SQLITE_OK);
    return rows;
  }

 private:
  sqlite3* database_ = nullptr;
};

}  // namespace

TEST_CASE("kill -9 of workers while a module answers: only requests in progress there fail") {
  DaemonProcess daemon;
  daemon.ExpectEvent("worker_exited exit=SIGKILL");
  daemon.WriteConfig(ConfigText()
                         .Workers(3)
                         .Set("parking.after", "1ms")
                         .Listen("m")
                         .Service("m", "module", {{"path", RunfilePath("tests/module/blocker.so")}}));
  daemon.Serve(3);
  Askers clients(daemon.Address(), 30, 200,
                 [](int, int) { return "GET /sleep?ms=10 HTTP/1.1\r\nHost: x\r\n\r\n"; });
  KillSome(daemon, clients, 4, 3);
  const Askers::Outcome outcome = clients.Stop();
  MESSAGE(fmt::format("{} answered, {} cut off, the workers held {}", outcome.done.size(), outcome.cut,
                      LostConnections(daemon)));
  CHECK(outcome.others.empty());
  CHECK(outcome.cut > 0);
  CHECK(static_cast<double>(outcome.cut) <= LostConnections(daemon));
  CHECK(outcome.cut <= MostCut(4));
}

TEST_CASE(
    "kill -9 of workers within transactions of SQLite: the data stays whole, and what was acknowledged") {
  DaemonProcess daemon;
  const TempDirectory folder;
  daemon.ExpectEvent("worker_exited exit=SIGKILL");
  daemon.WriteConfig(
      ConfigText()
          .Workers(4)
          .Set("parking.after", "1ms")
          .Listen("book")
          .Service("book", "module",
                   {{"path", RunfilePath("tests/module/guestbook.so")}, {"file", folder.Path("book.db")}}));
  daemon.Serve(4);
  Askers clients(daemon.Address(), 100, 201, &PostEntries);
  KillSome(daemon, clients, 6, 4);
  const Askers::Outcome outcome = clients.Stop();
  Database database(folder.Path("book.db"));
  const auto entries = database.Count("SELECT text FROM entries");
  MESSAGE(fmt::format("{} acknowledged, {} cut off, the workers held {}, {} in the book", outcome.done.size(),
                      outcome.cut, LostConnections(daemon), entries.size()));
  CHECK(outcome.others.empty());
  CHECK(static_cast<double>(outcome.cut) <= LostConnections(daemon));
  CHECK(outcome.cut <= MostCut(6));
  CHECK(database.Count("PRAGMA integrity_check") == std::map<std::string, int>{{"ok", 1}});
  CheckBook(entries, outcome);
}

}  // namespace preforkd::testing
