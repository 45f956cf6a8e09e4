// A blocking handler on PostgreSQL: the guest book of guestbook.cc, in a database server. Each application
// thread keeps one connection, and makes it again when it was lost: while the server is away requests get
// 503, and the workers stay. A transaction is whole or not there, also if the worker is killed within it.
//   POST /entries   each line of the body is an entry; all of them, or none     GET /entries   one a line
#include <postgresql/libpq-fe.h>

#include <algorithm>
#include <array>
#include <memory>
#include <preforkd/module.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

pfd::setting::Text database{
    "database",
    {.doc = "Where it is, as libpq writes it: 'host=/run/postgresql dbname=book'.", .required = true}};

struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
  void operator()(PGconn* connection) const { PQfinish(connection); }
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
  void operator()(char* text) const { PQfreemem(text); }
};
using Result = std::unique_ptr<PGresult, Clear>;

// The server is away, or was lost before it had answered.
class Lost : public pfd::HttpError {
 public:
  Lost() : HttpError(503, "the database is away") {}
};

// A line break of libpq would be escaped in the log.
std::string reason_of(const char* message) {
  std::string reason(message);
  reason.erase(reason.find_last_not_of('\n') + 1);
  std::replace(reason.begin(), reason.end(), '\n', ' ');
  return reason;
}

// One connection to the server.
class Connection {
 public:
  // Throws if `where` is no connection string. A server that is away is no reason: it may be back before a
  // request needs it, and a worker that cannot start could not even say 503.
  Connection(const std::string& where, const std::string& name) {
    check(where);
    // The last one counts: `where` may name the first two as well.
    const std::array<const char*, 4> keys = {"connect_timeout", "application_name", "dbname", nullptr};
    const std::array<const char*, 4> values = {"5", name.c_str(), where.c_str(), nullptr};
    raw_.reset(PQconnectdbParams(keys.data(), values.data(), 1));
    if (!raw_) throw std::bad_alloc();
    PQsetNoticeProcessor(
        raw_.get(), [](void*, const char* text) { pfd::log::debug(reason_of(text)); }, nullptr);
    if (alive()) {
      make_table();
    } else {
      tell_away();
    }
  }

  Result run(const char* statement) { return checked(PQexec(raw_.get(), statement)); }
  Result run(const char* statement, std::string_view parameter) {
    constexpr Oid kText = 25;   // of the type "text", in every database
    constexpr int kBinary = 1;  // as it is, with its length
    const char* const value = parameter.empty() ? "" : parameter.data();
    const int size = static_cast<int>(parameter.size());
    return checked(PQexecParams(raw_.get(), statement, 1, &kText, &value, &size, &kBinary, 0));
  }

  // The server may have gone since the last request, and be back: only the first statement shows it. Nothing
  // has been done then, so it is safe to try again.
  void begin() {
    if (alive()) {
      try {
        run("BEGIN");
        return;
      } catch (const Lost&) {
        pfd::log::info("a connection to the database was lost while it was not in use");
      }
    }
    connect();
    run("BEGIN");
  }
  void roll_back() noexcept {
    if (alive()) PQclear(PQexec(raw_.get(), "ROLLBACK"));
  }

 private:
  static void check(const std::string& where) {
    char* reason = nullptr;
    const std::unique_ptr<PQconninfoOption, Clear> options(PQconninfoParse(where.c_str(), &reason));
    const std::unique_ptr<char, Clear> owned(reason);
    if (!options) throw std::runtime_error(reason == nullptr ? "no memory" : reason_of(reason));
  }

  [[nodiscard]] bool alive() const { return PQstatus(raw_.get()) == CONNECTION_OK; }

  void connect() {
    PQreset(raw_.get());
    if (!alive()) {
      tell_away();
      throw Lost();
    }
    make_table();
    if (away_) pfd::log::notice("the database is back");
    away_ = false;
  }

  // Once, and not for each request until it is back.
  void tell_away() {
    if (!away_) pfd::log::warning("the database is away: ", reason_of(PQerrorMessage(raw_.get())));
    away_ = true;
  }

  // Where several do it at once, IF NOT EXISTS alone fails: they wait for one another. One transaction.
  void make_table() {
    run("SELECT pg_advisory_xact_lock(20126);"
        "CREATE TABLE IF NOT EXISTS entries (id bigserial PRIMARY KEY, text text NOT NULL)");
  }

  Result checked(PGresult* raw) {
    Result result(raw);
    const ExecStatusType status = PQresultStatus(raw);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return result;
    if (!alive()) throw Lost();
    // SQLSTATE class 22: a text that the database cannot store, such as one that is not UTF-8.
    const char* const state = PQresultErrorField(raw, PG_DIAG_SQLSTATE);
    if (state != nullptr && std::string_view(state).starts_with("22")) {
      throw pfd::HttpError(400, PQresultErrorField(raw, PG_DIAG_MESSAGE_PRIMARY));
    }
    throw std::runtime_error(reason_of(PQerrorMessage(raw_.get())));
  }

  std::unique_ptr<PGconn, Clear> raw_;
  bool away_ = false;  // and the log says so
};

// Rolled back unless it was committed.
class Transaction {
 public:
  explicit Transaction(Connection& connection) : connection_(connection) { connection.begin(); }
  ~Transaction() {
    if (!committed_) connection_.roll_back();
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  // If it throws Lost nobody knows whether the server has committed: the client has to look.
  void commit() {
    connection_.run("COMMIT");
    committed_ = true;
  }

 private:
  Connection& connection_;
  bool committed_ = false;
};

class Guestbook {
 public:
  // The name is in pg_stat_activity: a statement that hangs there leads to its worker.
  explicit Guestbook(pfd::Service service)
      : connection_(std::string(database.get(service)), "guestbook-" + std::to_string(service.place().pid)) {}

  pfd::Response add(const pfd::Request& request) {
    if (request.body().empty()) throw pfd::HttpError(400, "an entry has a text");
    Transaction all(connection_);
    std::string last;
    for (std::string_view rest = request.body(); !rest.empty();) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      const Result row = connection_.run("INSERT INTO entries (text) VALUES ($1) RETURNING id", line);
      last = PQgetvalue(row.get(), 0, 0);
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    }
    all.commit();
    return pfd::status(201, "entry " + last);
  }

  pfd::Response list(const pfd::Request&) {
    Transaction all(connection_);
    const Result entries = connection_.run("SELECT id, text FROM entries ORDER BY id");
    all.commit();
    std::string lines;
    for (int row = 0; row < PQntuples(entries.get()); ++row) {
      lines +=
          std::string(PQgetvalue(entries.get(), row, 0)) + " " + PQgetvalue(entries.get(), row, 1) + "\n";
    }
    return pfd::text(lines);
  }

 private:
  Connection connection_;
};

}  // namespace

PREFORKD_MODULE("guestbook_pg", database, pfd::uses_network, pfd::state<Guestbook>,
                pfd::route{"POST", "/entries", &Guestbook::add},
                pfd::route{"GET", "/entries", &Guestbook::list});
