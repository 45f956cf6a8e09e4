// Workers are killed while modules answer: what is lost is what they were answering.
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <sqlite3.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"

namespace preforkd::testing {
namespace {

struct Outcome {
  std::uint64_t cut = 0;      // no answer, or not a whole one
  std::uint64_t refused = 0;  // another answer than the right one
  std::set<std::string> done;
};

// Clients that each ask again and again on one kept connection, and connect again when they were cut off.
class Askers {
 public:
  // The request number `n` of client `client`.
  using Request = std::function<std::string(int client, int n)>;

  Askers(std::string address, int count, int status, Request request)
      : address_(std::move(address)),
        status_(status),
        request_(std::move(request)),
        outcomes_(static_cast<std::size_t>(count)) {
    for (int i = 0; i < count; ++i) threads_.emplace_back([this, i] { Run(i); });
  }
  Askers(const Askers&) = delete;
  Askers& operator=(const Askers&) = delete;
  ~Askers() { (void)Stop(); }

  [[nodiscard]] std::uint64_t Answered() const { return answered_; }
  Outcome Stop() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    Outcome sum;
    for (Outcome& each : outcomes_) {
      sum.cut += each.cut;
      sum.refused += each.refused;
      sum.done.merge(each.done);
    }
    return sum;
  }

 private:
  void Run(int client) {
    Outcome& outcome = outcomes_[static_cast<std::size_t>(client)];
    std::optional<HttpClient> connection;
    for (int n = 0; !stop_; ++n) {
      if (!connection) {
        Result<TcpClient> fresh = TcpClient::Connect(address_);
        if (!fresh.Ok()) {
          ++outcome.refused;
          return;
        }
        connection.emplace(std::move(fresh).Value());
      }
      const bool sent = connection->Connection().SendAll(request_(client, n));
      const auto response = sent ? connection->ReadResponse() : std::nullopt;
      if (!response) {
        ++outcome.cut;
        connection.reset();
      } else if (response->status != status_) {
        ++outcome.refused;
      } else {
        outcome.done.insert(fmt::format("{}.{}", client, n));
        ++answered_;
      }
    }
  }

  std::string address_;
  int status_;
  Request request_;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> answered_{0};
  std::vector<Outcome> outcomes_;
  std::vector<std::thread> threads_;
};

// Kills one worker after the other, each in the middle of its work.
void KillSome(DaemonProcess& daemon, const Askers& clients, int kills, std::size_t workers) {
  for (int i = 0; i < kills; ++i) {
    const std::uint64_t before = clients.Answered();
    REQUIRE(WaitUntil(kTimeout, [&] { return clients.Answered() >= before + 100; }));
    const std::vector<WorkerLife> ready = daemon.ReadyWorkers();
    const WorkerLife victim = ready.at(static_cast<std::size_t>(i) % ready.size());
    REQUIRE(::kill(victim.pid, SIGKILL) == 0);
    REQUIRE(daemon.WaitForEvent(
        fmt::format("worker_exited exit=SIGKILL slot={} inc={}", victim.slot, victim.incarnation)));
    REQUIRE(daemon.AwaitWorkers(workers));
  }
  const std::uint64_t before = clients.Answered();
  REQUIRE(WaitUntil(kTimeout, [&] { return clients.Answered() >= before + 100; }));
}

// What the killed workers held.
double Lost(const DaemonProcess& daemon) {
  double lost = 0;
  for (const LogEntry& exit : daemon.Events("worker_exited exit=SIGKILL")) lost += exit.Number("lost");
  return lost;
}

// ---- the guest book ----

constexpr int kLines = 10;

std::string Post(int client, int n) {
  std::string body;
  for (int line = 0; line < kLines; ++line) body += fmt::format("{}.{}\n", client, n);
  return fmt::format("POST /entries HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{}", body.size(), body);
}

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
                 [](int, int) { return "GET /sleep?ms=2 HTTP/1.1\r\nHost: x\r\n\r\n"; });
  KillSome(daemon, clients, 4, 3);
  const Outcome outcome = clients.Stop();
  MESSAGE(fmt::format("{} answered, {} cut off, the workers held {}", outcome.done.size(), outcome.cut,
                      Lost(daemon)));
  CHECK(outcome.refused == 0);
  CHECK(outcome.cut > 0);
  CHECK(static_cast<double>(outcome.cut) <= Lost(daemon));
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
  Askers clients(daemon.Address(), 100, 201, &Post);
  KillSome(daemon, clients, 6, 4);
  const Outcome outcome = clients.Stop();
  Database database(folder.Path("book.db"));
  const auto entries = database.Count("SELECT text FROM entries");
  MESSAGE(fmt::format("{} acknowledged, {} cut off, the workers held {}, {} in the book", outcome.done.size(),
                      outcome.cut, Lost(daemon), entries.size()));
  CHECK(outcome.refused == 0);
  CHECK(static_cast<double>(outcome.cut) <= Lost(daemon));
  CHECK(database.Count("PRAGMA integrity_check") == std::map<std::string, int>{{"ok", 1}});
  int halves = 0;
  for (const auto& [text, count] : entries) halves += count == kLines ? 0 : 1;
  CHECK(halves == 0);
  int missing = 0;
  for (const std::string& each : outcome.done) missing += entries.contains(each) ? 0 : 1;
  CHECK(missing == 0);
  CHECK(entries.size() <= outcome.done.size() + outcome.cut);
}

}  // namespace preforkd::testing
