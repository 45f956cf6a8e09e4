// The guest book on a real PostgreSQL server: workers are killed within transactions, the server restarts.
// Runs outside of Bazel's sandbox, which has one user only.
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <signal.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/askers.h"
#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"
#include "tests/support/postgres_server.h"
#include "tests/support/worker_kills.h"

namespace preforkd::testing {
namespace {

ConfigText Config(const std::string& where, int workers) {
  return ConfigText()
      .Workers(workers)
      .Set("parking.after", "1ms")
      .Listen("book")
      .Service("book", "module",
               {{"path", RunfilePath("tests/module/guestbook_pg.so")}, {"database", where}});
}

int Post(HttpClient& client, std::string_view body) {
  const bool sent = client.Connection().SendAll(
      fmt::format("POST /entries HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{}", body.size(), body));
  const auto response = sent ? client.ReadResponse() : std::nullopt;
  return response ? response->status : 0;
}

HttpResponse List(HttpClient& client) { return client.Get("/entries").value_or(HttpResponse{}); }

// Those of a server that serves one address, in order.
std::vector<pid_t> Workers(const DaemonProcess& daemon) {
  std::vector<pid_t> pids = daemon.WorkerPids();
  std::sort(pids.begin(), pids.end());
  return pids;
}

constexpr const char* kText = "SELECT text FROM entries";
// What a killed worker left behind in the server.
constexpr const char* kOpen = "SELECT pid FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'";

}  // namespace

TEST_CASE("entries are in the database, and what it cannot store is refused") {
  if (!PostgresServer::CanRun()) return;
  PostgresServer server;
  DaemonProcess daemon;
  daemon.WriteConfig(Config(server.Where(), 2));
  daemon.Serve(2);
  {
    HttpClient client(daemon.Address());
    CHECK(Post(client, "it's \"me\"; DROP TABLE entries\n\nagain") == 201);
    CHECK(Post(client, "") == 400);
    CHECK(Post(client, "kept?\nnot UTF-8: \xff") == 400);
    CHECK(Post(client, std::string_view("kept?\nNUL: \0", 12)) == 400);
    CHECK(List(client).body == "1 it's \"me\"; DROP TABLE entries\n2 \n3 again\n");
  }
  CHECK(PostgresClient(server.Where()).Count(kText).size() == 3);

  DaemonProcess checked;
  checked.WriteConfig(Config("host", 1));
  CHECK(checked.Run({"--check"}) == 78);
  CHECK(checked.Stderr().find("service book: the module's init failed: missing \"=\"") != std::string::npos);
}

TEST_CASE(
    "kill -9 of workers within transactions of PostgreSQL: the data stays whole, and what was acknowledged") {
  if (!PostgresServer::CanRun()) return;
  PostgresServer server;
  DaemonProcess daemon;
  daemon.ExpectEvent("worker_exited exit=SIGKILL");
  daemon.WriteConfig(Config(server.Where(), 4));
  daemon.Serve(4);
  Askers clients(daemon.Address(), 100, 201, &PostEntries);
  KillSome(daemon, clients, 6, 4);
  const Askers::Outcome outcome = clients.Stop();
  PostgresClient database(server.Where());
  CHECK(WaitUntil(kTimeout, [&] { return database.Ask(kOpen).empty(); }));
  const auto entries = database.Count(kText);
  MESSAGE(fmt::format("{} acknowledged, {} cut off, the workers held {}, {} in the book", outcome.done.size(),
                      outcome.cut, LostConnections(daemon), entries.size()));
  CHECK(outcome.others.empty());
  CHECK(static_cast<double>(outcome.cut) <= LostConnections(daemon));
  CHECK(outcome.cut <= MostCut(6));
  CheckBook(entries, outcome);
  // Throws if the index and the table do not agree.
  database.Ask("CREATE EXTENSION amcheck");
  CHECK(database.Ask("SELECT bt_index_check('entries_pkey', heapallindexed => true)").size() == 1);
}

TEST_CASE("a worker that is killed between two statements of a transaction leaves nothing of it") {
  if (!PostgresServer::CanRun()) return;
  PostgresServer server;
  DaemonProcess daemon;
  daemon.ExpectEvent("worker_exited exit=SIGKILL");
  daemon.WriteConfig(Config(server.Where(), 2));
  daemon.Serve(2);
  // The second of its lines waits for the test.
  PostgresClient database(server.Where());
  database.Ask(
      "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS "
      "$$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END $$");
  database.Ask(
      "CREATE TRIGGER hold BEFORE INSERT ON entries FOR EACH ROW WHEN (NEW.text = 'hold') "
      "EXECUTE FUNCTION hold()");
  database.Ask("SELECT pg_advisory_lock(1)");
  {
    HttpClient victim(daemon.Address());
    REQUIRE(victim.Connection().SendAll(
        "POST /entries HTTP/1.1\r\nHost: x\r\nContent-Length: 16\r\n\r\nfirst\nhold\nlast\n"));
    const char* const waiting = "SELECT application_name FROM pg_stat_activity WHERE wait_event = 'advisory'";
    REQUIRE(WaitUntil(kTimeout, [&] { return database.Ask(waiting).size() == 1; }));
    const std::string name = database.Ask(waiting).at(0);  // "guestbook-PID"
    const pid_t pid = std::stoi(name.substr(name.find('-') + 1));
    REQUIRE(::kill(pid, SIGKILL) == 0);
    REQUIRE(daemon.WaitForEvent("worker_exited exit=SIGKILL"));
    CHECK(daemon.CountEvents(fmt::format("worker_exited worker_pid={} lost=1", pid)) == 1);
    CHECK_FALSE(victim.ReadResponse());
    database.Ask("SELECT pg_advisory_unlock(1)");
    const std::string its =
        fmt::format("SELECT pid FROM pg_stat_activity WHERE application_name = '{}'", name);
    CHECK(WaitUntil(kTimeout, [&] { return database.Ask(its).empty(); }));
  }
  CHECK(database.Ask(kText).empty());
  REQUIRE(daemon.AwaitWorkers(2));
  HttpClient other(daemon.Address());
  CHECK(Post(other, "first\nhold\nlast\n") == 201);
  CHECK(database.Ask(kText) == std::vector<std::string>{"first", "hold", "last"});
}

TEST_CASE("the database restarts: 503 while it is away, then 200 by the same workers") {
  if (!PostgresServer::CanRun()) return;
  PostgresServer server;
  DaemonProcess daemon;
  daemon.WriteConfig(Config(server.Where(), 2));
  daemon.Serve(2);
  const std::vector<pid_t> workers = Workers(daemon);
  {
    HttpClient kept(daemon.Address());
    CHECK(List(kept).status == 200);
    // Between two requests: the first statement finds that its connection is gone, and nothing has been done.
    server.Stop();
    server.Start();
    for (int i = 0; i < 10; ++i) CHECK(List(kept).status == 200);

    server.Stop();
    CHECK(List(kept).status == 503);
    CHECK(Post(kept, "lost") == 503);
    server.Start();
    CHECK(Post(kept, "found") == 201);
    CHECK(PostgresClient(server.Where()).Ask(kText) == std::vector<std::string>{"found"});
  }
  // One line for each connection and time, not for each request.
  CHECK(daemon.CountEvents("module_said level=warning") >= 1);
  CHECK(daemon.CountEvents("module_said level=warning") <= workers.size());
  PostgresClient(server.Where()).Ask("DELETE FROM entries");

  // Under load, in the middle of transactions.
  Askers clients(daemon.Address(), 30, 201, &PostEntries);
  for (int restart = 0; restart < 3; ++restart) {
    REQUIRE(clients.AwaitAnswers(100));
    server.Stop();
    const std::uint64_t refused = clients.Refused();
    REQUIRE(WaitUntil(kTimeout, [&] { return clients.Refused() >= refused + 100; }));
    server.Start();
  }
  REQUIRE(clients.AwaitAnswers(100));
  const Askers::Outcome outcome = clients.Stop();
  CHECK(outcome.cut == 0);
  CHECK(outcome.others.size() == 1);
  CHECK(outcome.others.contains(503));
  CheckBook(PostgresClient(server.Where()).Count(kText), outcome);
  CHECK(Workers(daemon) == workers);
  CHECK(daemon.CountEvents("calls_refused") == 0);
}

TEST_CASE("a database that is away at the start: the workers serve 503, and then it is found") {
  if (!PostgresServer::CanRun()) return;
  PostgresServer server;
  server.Stop();
  DaemonProcess daemon;
  daemon.WriteConfig(Config(server.Where(), 1));
  daemon.Serve(1);
  HttpClient kept(daemon.Address());
  CHECK(List(kept).status == 503);
  server.Start();
  CHECK(List(kept).status == 200);
  CHECK(daemon.CountEvents("worker_started") == 1);
  CHECK(daemon.CountEvents("calls_refused") == 0);
}

}  // namespace preforkd::testing
