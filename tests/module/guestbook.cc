// A blocking handler on SQLite: a guest book in one file, which all workers share. Each application thread
// has a connection of its own. A transaction is whole or not there, also if the worker is killed within it.
//   POST /entries   each line of the body is an entry; all of them, or none     GET /entries   one a line
#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <preforkd/module.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

namespace {

pfd::setting::Path file{"file", {.doc = "The file; it is created if there is none.", .required = true}};

class Statement {
 public:
  Statement(sqlite3* database, const char* text) : database_(database) {
    if (sqlite3_prepare_v2(database, text, -1, &statement_, nullptr) != SQLITE_OK) fail();
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(int index, std::string_view text) {
    if (sqlite3_bind_text(statement_, index, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT) !=
        SQLITE_OK) {
      fail();
    }
    return *this;
  }
  void run() {
    while (step()) continue;
    sqlite3_reset(statement_);
  }
  // True: there is a row.
  bool step() {
    const int result = sqlite3_step(statement_);
    if (result != SQLITE_ROW && result != SQLITE_DONE) fail();
    return result == SQLITE_ROW;
  }
  [[nodiscard]] std::string text(int column) const {
    const unsigned char* text = sqlite3_column_text(statement_, column);
    return text == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(text));
  }

 private:
  [[noreturn]] void fail() const { throw std::runtime_error(sqlite3_errmsg(database_)); }

  sqlite3* database_;
  sqlite3_stmt* statement_ = nullptr;
};

// Rolled back unless it was committed.
class Transaction {
 public:
  explicit Transaction(sqlite3* database) : database_(database) {
    Statement(database, "BEGIN IMMEDIATE").run();
  }
  ~Transaction() {
    if (!committed_) sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  void commit() {
    Statement(database_, "COMMIT").run();
    committed_ = true;
  }

 private:
  sqlite3* database_;
  bool committed_ = false;
};

class Guestbook {
 public:
  explicit Guestbook(pfd::Service service) {
    const std::string path(file.get(service));
    sqlite3* opened = nullptr;
    const int result = sqlite3_open(path.c_str(), &opened);
    database_.reset(opened);
    if (result != SQLITE_OK) throw std::runtime_error(path + ": " + sqlite3_errmsg(opened));
    // Other workers write, too: wait for them instead of failing.
    sqlite3_busy_timeout(opened, 5000);
    use_wal();
    Statement(opened, "CREATE TABLE IF NOT EXISTS entries (id INTEGER PRIMARY KEY, text TEXT NOT NULL)")
        .run();
  }

  pfd::Response add(const pfd::Request& request) {
    if (request.body().empty()) throw pfd::HttpError(400, "an entry has a text");
    Transaction all(database_.get());
    Statement insert(database_.get(), "INSERT INTO entries (text) VALUES (?)");
    for (std::string_view rest = request.body(); !rest.empty();) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      insert.bind(1, line).run();
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    }
    all.commit();
    return pfd::status(201, "entry " + std::to_string(sqlite3_last_insert_rowid(database_.get())));
  }

  pfd::Response list(const pfd::Request&) {
    std::string lines;
    Statement entries(database_.get(), "SELECT id, text FROM entries ORDER BY id");
    while (entries.step()) lines += entries.text(0) + " " + entries.text(1) + "\n";
    return pfd::text(lines);
  }

 private:
  // Where several workers do it at once, SQLite fails without waiting.
  void use_wal() const {
    for (int tries = 1;; ++tries) {
      try {
        return Statement(database_.get(), "PRAGMA journal_mode = WAL").run();
      } catch (const std::runtime_error&) {
        if (tries == 100) throw;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close(database); }
  };
  std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace

PREFORKD_MODULE("guestbook", file, pfd::uses_files, pfd::state<Guestbook>,
                pfd::route{"POST", "/entries", &Guestbook::add},
                pfd::route{"GET", "/entries", &Guestbook::list});
