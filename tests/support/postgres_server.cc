#include "tests/support/postgres_server.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <postgresql/libpq-fe.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <utility>

#include "tests/support/command.h"
#include "tests/support/daemon_process.h"
#include "tests/support/wait_until.h"

namespace preforkd::testing {
namespace {

// It writes some 40 MB: longer than what a test usually waits for.
constexpr Duration kClusterTimeout = std::chrono::seconds(60);

// Debian keeps each version in a folder of its own, and has none of these programs in the PATH.
std::string FindBinaries() {
  const std::filesystem::path root = "/usr/lib/postgresql";
  std::vector<std::pair<int, std::string>> found;
  std::error_code none;
  for (const auto& version : std::filesystem::directory_iterator(root, none)) {
    const std::filesystem::path folder = version.path() / "bin";
    if (std::filesystem::exists(folder / "postgres")) {
      found.emplace_back(std::atoi(version.path().filename().c_str()), folder.string());
    }
  }
  if (found.empty()) throw std::runtime_error("there is no PostgreSQL in /usr/lib/postgresql: tools/setup");
  return std::max_element(found.begin(), found.end())->second;
}

bool IsRoot() { return ::geteuid() == 0; }

// Of the server's user.
void MakeFolder(const std::string& path) {
  std::filesystem::create_directory(path);
  const passwd* nobody = IsRoot() ? ::getpwnam("nobody") : nullptr;
  if (nobody != nullptr && ::chown(path.c_str(), nobody->pw_uid, nobody->pw_gid) != 0) {
    throw std::runtime_error("chown " + path);
  }
}

// A command of PostgreSQL's, as the user that it runs as. A test that is killed leaves no server behind: the
// signal stops it at once, with all its processes.
std::vector<std::string> Command(const std::string& program, const std::vector<std::string>& arguments) {
  static const std::string binaries = FindBinaries();
  std::vector<std::string> words = {"/usr/bin/setpriv", "--pdeathsig", "QUIT"};
  if (IsRoot()) words.insert(words.end(), {"--reuid", "nobody", "--regid", "nogroup", "--clear-groups"});
  words.push_back(binaries + "/" + program);
  words.insert(words.end(), arguments.begin(), arguments.end());
  return words;
}

void MustRun(const std::vector<std::string>& words) {
  const CommandResult result = RunCommand(words, kClusterTimeout);
  if (result.code == 0) return;
  throw std::runtime_error(
      fmt::format("{} ended with {}: {}{}", words.front(), result.code, result.out, result.err));
}

// What is on the disk if the machine crashes while it is made does not matter: --no-sync.
void MakeCluster(const std::string& data) {
  MakeFolder(data);
  MustRun(Command("initdb", {"--pgdata", data, "--username", "test", "--auth", "peer", "--encoding", "UTF8",
                             "--no-locale", "--no-sync"}));
  // A worker that runs as root has no right to enter the folder of another user: that of the socket is open
  // to all, and the server lets in this user only.
  const passwd* user = ::getpwuid(::geteuid());
  if (user == nullptr) throw std::runtime_error("this user has no name");
  WriteFile(data + "/pg_hba.conf", "local all test peer map=tests\n");
  WriteFile(data + "/pg_ident.conf", fmt::format("tests \"{}\" test\n", user->pw_name));
}

// Making one takes seconds: it is made once. In its folder are data, socket and log.
const TempDirectory& Cluster() {
  static const TempDirectory folder;
  static const bool made = [] {
    MakeFolder(folder.Path("socket"));
    MakeCluster(folder.Path("data"));
    return true;
  }();
  (void)made;
  return folder;
}

[[noreturn]] void Execute(const std::vector<std::string>& words, const std::string& log) {
  const int in = ::open("/dev/null", O_RDONLY);
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (::dup2(in, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(out, 2) < 0) ::_exit(126);
  ::closefrom(3);
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execv(arguments.front(), arguments.data());
  ::_exit(127);
}

// At once, with its processes.
void End(pid_t pid) {
  ::kill(pid, SIGQUIT);
  (void)::waitpid(pid, nullptr, 0);
}

}  // namespace

PostgresClient::PostgresClient(const std::string& where) : raw_(PQconnectdb(where.c_str())) {
  if (PQstatus(raw_) == CONNECTION_OK) return;
  const std::string reason = PQerrorMessage(raw_);
  PQfinish(raw_);
  throw std::runtime_error(reason);
}

PostgresClient::~PostgresClient() { PQfinish(raw_); }

std::vector<std::string> PostgresClient::Ask(const std::string& statement) {
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(raw_, statement.c_str()), &PQclear);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) throw std::runtime_error(PQerrorMessage(raw_));
  std::vector<std::string> rows;
  for (int row = 0; row < PQntuples(result.get()); ++row) rows.emplace_back(PQgetvalue(result.get(), row, 0));
  return rows;
}

std::map<std::string, int> PostgresClient::Count(const std::string& statement) {
  std::map<std::string, int> rows;
  for (const std::string& row : Ask(statement)) ++rows[row];
  return rows;
}

bool PostgresServer::CanRun() {
  const std::string map = ReadFile("/proc/self/uid_map");
  unsigned long inside = 0;
  unsigned long outside = 0;
  unsigned long count = 0;
  const bool read = std::sscanf(map.c_str(), "%lu %lu %lu", &inside, &outside, &count) == 3;
  const bool can = !IsRoot() || (read && count > 65534 && ::getpwnam("nobody") != nullptr);
  if (!can) MESSAGE("skipped: root needs more than one user id to start PostgreSQL");
  return can;
}

PostgresServer::PostgresServer() : folder_(Cluster()) {
  Start();
  static int count = 0;
  const std::string name = fmt::format("test{}", ++count);
  try {
    PostgresClient(Where()).Ask("CREATE DATABASE " + name);
  } catch (const std::exception&) {
    End(pid_);
    throw;
  }
  database_ = name;
}

PostgresServer::~PostgresServer() {
  try {
    Stop();
  } catch (const std::exception& error) {
    FAIL_CHECK(error.what());
  }
}

void PostgresServer::Start() {
  const std::vector<std::string> words =
      Command("postgres", {"-D", folder_.Path("data"), "-c", "listen_addresses=", "-c",
                           "unix_socket_directories=" + folder_.Path("socket"), "-c", "shared_buffers=16MB",
                           "-c", "max_connections=32"});
  const std::string log = folder_.Path("log");
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork");
  if (pid_ == 0) Execute(words, log);
  DaemonProcess::TolerateChild(pid_);
  bool ended = false;
  const bool answers = WaitUntil(kClusterTimeout, [&] {
    ended = ::waitpid(pid_, nullptr, WNOHANG) == pid_;
    return ended || PQping(Where().c_str()) == PQPING_OK;
  });
  if (answers && !ended) return;
  if (!ended) End(pid_);
  pid_ = 0;
  throw std::runtime_error("PostgreSQL does not start:\n" + Log());
}

void PostgresServer::Stop() {
  if (pid_ == 0) return;
  const pid_t pid = std::exchange(pid_, 0);
  int status = 0;
  ::kill(pid, SIGINT);
  if (!WaitUntil(kClusterTimeout, [&] { return ::waitpid(pid, &status, WNOHANG) == pid; })) {
    End(pid);
    throw std::runtime_error("PostgreSQL did not stop:\n" + Log());
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw std::runtime_error(fmt::format("PostgreSQL ended with {:#x}:\n{}", status, Log()));
  }
}

std::string PostgresServer::Where() const {
  return fmt::format("host={} user=test dbname={}", folder_.Path("socket"), database_);
}

std::string PostgresServer::Log() const { return ReadFile(folder_.Path("log")); }

}  // namespace preforkd::testing
