// Server: the real preforkd with a module, on a free port of 127.0.0.1, for the time of a test.
//
//   pfd::testing::Server server({.module = "./hello.so", .settings = {{"greeting", "hi"}}, .workers = 2});
//   server.get("/hello");
//   server.kill_worker();
//
// The program is $PREFORKD, or preforkd from the PATH. Its configuration and its log are in a folder of its
// own, which is removed at the end. Nothing here needs rights.
#ifndef PREFORKD_TESTING_SERVER_HPP
#define PREFORKD_TESTING_SERVER_HPP

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "peer.hpp"

namespace pfd::testing {

struct ServerOptions {
  std::string module = {};  // the shared object
  // Of [service.test]: the module's own and the server's (threads, request_timeout). Numbers, true and false
  // are written as they are, and so is a value that begins with '"' or '['; others are quoted.
  std::map<std::string, std::string> settings = {};
  int workers = 1;
  std::string more = {};  // further lines of the configuration: whole sections
  std::chrono::milliseconds limit = std::chrono::seconds(20);  // for each thing that is waited for
};

class Server {
 public:
  // Waits until it serves with all its workers. Throws std::runtime_error, with its log, if it does not.
  explicit Server(ServerOptions options) : options_(std::move(options)) {
    make_folder();
    write_configuration();
    start();
    const auto wanted = static_cast<std::size_t>(options_.workers);
    if (!wait_for("serving") || address().empty() ||
        !wait_until([&] { return workers().size() >= wanted; })) {
      const std::string text = log();
      stop();
      remove_folder();
      throw std::runtime_error("preforkd does not serve:\n" + text);
    }
  }
  ~Server() {
    stop();
    remove_folder();
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // "127.0.0.1:40123"
  [[nodiscard]] std::string address() const { return last_field("listening", "address"); }
  [[nodiscard]] pid_t pid() const { return pid_; }

  Answer get(const std::string& target) { return ask({"GET", target, "", {}}); }
  Answer post(const std::string& target, const std::string& body, const std::string& type = "text/plain") {
    return ask({"POST", target, body, {{"content-type", type}}});
  }
  // On a connection of its own.
  Answer ask(const Ask& ask) {
    Peer peer = connect();
    peer.send(text_of(ask, "close"));
    return peer.take_answer(ask.method == "HEAD");
  }
  // A connection that the test keeps: peer.send(Server::text_of(...)), peer.take_answer(). Also for protocols
  // that are not HTTP.
  Peer connect() {
    const std::string to = address();
    const std::size_t colon = to.rfind(':');
    std::uint16_t port = 0;
    std::from_chars(to.data() + colon + 1, to.data() + to.size(), port);
    return Peer(to.substr(0, colon), port, options_.limit);
  }
  static std::string text_of(const Ask& ask, std::string_view connection = "keep-alive") {
    std::string text = ask.method + " " + ask.target + " HTTP/1.1\r\nHost: localhost\r\nConnection: ";
    text += connection;
    text += "\r\n";
    for (const auto& [name, value] : ask.fields) text += name + ": " + value + "\r\n";
    if (!ask.body.empty() || ask.method == "POST" || ask.method == "PUT") {
      text += "Content-Length: " + std::to_string(ask.body.size()) + "\r\n";
    }
    return text + "\r\n" + ask.body;
  }

  // Changes settings of the module; they are in force after reload().
  void set(const std::string& name, const std::string& value) {
    options_.settings[name] = value;
    write_configuration();
  }
  // HUP, and waits for its end. False: it was refused, and the old workers serve on; the log says why.
  bool reload() {
    const std::size_t before = reload_ends();
    ::kill(pid_, SIGHUP);
    wait_until([&] { return reload_ends() > before; });
    const std::vector<std::string> lines = lines_of("reload_done");
    return reload_ends() > before && !lines.empty() && last_reload_line() == lines.back();
  }

  // Processes that are ready and were not told to leave.
  [[nodiscard]] std::vector<pid_t> workers() const {
    std::map<std::string, pid_t> by_incarnation;
    for (const std::string& line : lines_of("worker_ready")) {
      const auto pid = static_cast<pid_t>(std::atol(field_of(line, "worker_pid").c_str()));
      if (pid > 0 && ::kill(pid, 0) == 0) by_incarnation[field_of(line, "inc")] = pid;
    }
    for (const std::string& line : lines_of("worker_retiring")) by_incarnation.erase(field_of(line, "inc"));
    std::vector<pid_t> pids;
    for (const auto& [incarnation, pid] : by_incarnation) pids.push_back(pid);
    return pids;
  }
  // kill -9 of the first one; waits until the master knows and another one is ready. Returns its pid.
  pid_t kill_worker() {
    const std::vector<pid_t> before = workers();
    if (before.empty()) throw std::runtime_error("no worker is ready:\n" + log());
    const std::size_t ready = lines_of("worker_ready").size();
    ::kill(before.front(), SIGKILL);
    wait_until([&] {
      return lines_of("worker_ready").size() > ready &&
             has_field("worker_exited", "worker_pid", before.front());
    });
    return before.front();
  }

  // Stops it, and waits; the exit status, 0 if all is well, or -1 with what is in complaints().
  int stop() {
    if (pid_ <= 0) return status_;
    const std::vector<pid_t> last = workers();
    ::kill(pid_, SIGTERM);
    int raw = 0;
    if (!wait_until([&] { return ::waitpid(pid_, &raw, WNOHANG) == pid_; })) {
      complaints_.push_back("the server did not stop in time");
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, &raw, 0);
    }
    status_ = WIFEXITED(raw) ? WEXITSTATUS(raw) : -1;
    pid_ = -1;
    if (status_ != 0) complaints_.push_back("the server ended with status " + std::to_string(status_));
    for (const pid_t pid : last) {
      if (::kill(pid, 0) == 0) complaints_.push_back("worker " + std::to_string(pid) + " was left behind");
    }
    return status_;
  }

  // What no test should leave behind: alerts, reports of sanitizers, and what stop() found.
  [[nodiscard]] std::vector<std::string> complaints() const {
    std::vector<std::string> found = complaints_;
    for (const std::string& line : lines()) {
      for (const char* mark :
           {" alert ", "ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:"}) {
        if (line.find(mark) != line.npos) found.push_back(line);
      }
    }
    return found;
  }

  [[nodiscard]] std::string log() const {
    std::ifstream file(folder_ / "log");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // Waits for a line of that event, such as "worker_exited". False: it did not come in time, or the server
  // ended.
  bool wait_for(std::string_view event) {
    wait_until([&] { return !lines_of(event).empty() || ended(); });
    return !lines_of(event).empty();
  }
  // Lines of the log of that event, and a field of a line; empty if it has none.
  [[nodiscard]] std::vector<std::string> lines_of(std::string_view event) const {
    std::vector<std::string> found;
    for (std::string& line : lines()) {
      if (field_of(line, "event") == event) found.push_back(std::move(line));
    }
    return found;
  }
  static std::string field_of(std::string_view line, std::string_view name) {
    const std::string key = " " + std::string(name) + "=";
    std::size_t at = line.find(key);
    if (at == line.npos) return {};
    at += key.size();
    const bool quoted = at < line.size() && line[at] == '"';
    const std::size_t end = quoted ? line.find('"', ++at) : line.find(' ', at);
    std::string_view value = line.substr(at, end == line.npos ? end : end - at);
    // The last field of a line has the ':' of the text after it.
    if (!quoted && value.ends_with(':')) value.remove_suffix(1);
    return std::string(value);
  }

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

 private:
  void make_folder() {
    std::string path = (std::filesystem::temp_directory_path() / "preforkd-test-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("no folder " + path);
    folder_ = path;
  }
  void remove_folder() const {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  static std::string written(const std::string& value) {
    const bool digits = !value.empty() && value.find_first_not_of("0123456789") == value.npos;
    if (digits || value == "true" || value == "false" || value.starts_with('"') || value.starts_with('[')) {
      return value;
    }
    std::string quoted = "\"";
    for (const char c : value) quoted += c == '"' || c == '\\' ? std::string{'\\', c} : std::string{c};
    return quoted + '"';
  }

  void write_configuration() const {
    std::ofstream file(folder_ / "preforkd.toml");
    file << "workers = " << options_.workers << "\nworkers_max = " << options_.workers
         << "\ncontrol = " << written((folder_ / "control.sock").string())
         << "\n[[listen]]\naddress = \"127.0.0.1:0\"\n"
         << "service = \"test\"\n[service.test]\ntype = \"module\"\npath = "
         << written(std::filesystem::absolute(options_.module).string()) << "\n";
    for (const auto& [name, value] : options_.settings) file << name << " = " << written(value) << "\n";
    file << options_.more << "\n";
  }

  void start() {
    const char* program = std::getenv("PREFORKD");
    const std::string name = program == nullptr ? "preforkd" : program;
    const std::string configuration = (folder_ / "preforkd.toml").string();
    const std::string log_file = (folder_ / "log").string();
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("no process");
    if (pid_ > 0) return;
    const int log = ::open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(log, STDERR_FILENO);
    ::dup2(log, STDOUT_FILENO);
    ::execlp(name.c_str(), name.c_str(), "-c", configuration.c_str(), nullptr);
    // The PATH of a user of Debian has no sbin.
    if (program == nullptr) ::execl("/usr/sbin/preforkd", "preforkd", "-c", configuration.c_str(), nullptr);
    ::_exit(127);
  }

  // Without taking its status: stop() needs it.
  [[nodiscard]] bool ended() const {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid != 0;
  }

  template <class Done>
  bool wait_until(Done done) const {
    const auto end = std::chrono::steady_clock::now() + options_.limit;
    while (!done()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
  }

  [[nodiscard]] std::vector<std::string> lines() const {
    std::vector<std::string> lines;
    std::ifstream file(folder_ / "log");
    for (std::string line; std::getline(file, line) && !file.eof();) lines.push_back(line);
    return lines;
  }
  [[nodiscard]] std::string last_field(std::string_view event, std::string_view name) const {
    const std::vector<std::string> found = lines_of(event);
    return found.empty() ? std::string() : field_of(found.back(), name);
  }
  [[nodiscard]] bool has_field(std::string_view event, std::string_view name, pid_t value) const {
    const std::vector<std::string> found = lines_of(event);
    return std::any_of(found.begin(), found.end(), [&](const std::string& line) {
      return field_of(line, name) == std::to_string(value);
    });
  }
  [[nodiscard]] std::size_t reload_ends() const {
    return lines_of("reload_done").size() + lines_of("reload_refused").size() +
           lines_of("reload_abandoned").size();
  }
  [[nodiscard]] std::string last_reload_line() const {
    std::string last;
    for (std::string& line : lines()) {
      const std::string event = field_of(line, "event");
      if (event == "reload_done" || event == "reload_refused" || event == "reload_abandoned")
        last = std::move(line);
    }
    return last;
  }

  ServerOptions options_;
  std::filesystem::path folder_;
  pid_t pid_ = -1;
  int status_ = 0;
  std::vector<std::string> complaints_;
};

}  // namespace pfd::testing

#endif
