// PostgresServer: a real PostgreSQL server for the time of a test case, with an empty database. One at a
// time.
//
// Owns the process. The cluster is made with the first one and removed when the test program ends. It listens
// on a Unix socket in the folder of the cluster only, and lets in nobody but the user of the test. It writes
// as durably as by default (fsync). Where the test is root the server runs as nobody: it refuses to be root.
#ifndef PREFORKD_TESTS_SUPPORT_POSTGRES_SERVER_H_
#define PREFORKD_TESTS_SUPPORT_POSTGRES_SERVER_H_

#include <sys/types.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/temp_directory.h"

struct pg_conn;

namespace preforkd::testing {

// A connection of the test's own.
class PostgresClient {
 public:
  // Throws std::runtime_error, as the function below.
  explicit PostgresClient(const std::string& where);
  PostgresClient(const PostgresClient&) = delete;
  PostgresClient& operator=(const PostgresClient&) = delete;
  ~PostgresClient();

  // The first column of each row.
  std::vector<std::string> Ask(const std::string& statement);
  // The same, and how often each is there.
  std::map<std::string, int> Count(const std::string& statement);

 private:
  pg_conn* raw_;
};

class PostgresServer {
 public:
  // False, and a message: a test that is root needs the user nobody.
  static bool CanRun();

  // Starts it. Throws std::runtime_error.
  PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;
  ~PostgresServer();

  // Starts it, and waits until it answers. Throws std::runtime_error.
  void Start();
  // Ends its connections, as a restart by an operator does, and waits until it has ended. Throws likewise.
  void Stop();

  // For libpq.
  [[nodiscard]] std::string Where() const;
  [[nodiscard]] std::string Log() const;

 private:
  const TempDirectory& folder_;  // of the cluster
  std::string database_ = "postgres";
  pid_t pid_ = 0;
};

}  // namespace preforkd::testing

#endif
