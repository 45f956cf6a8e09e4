// What a server's log tells the harness. Pure: text in, facts out.
//
// Tests match events and fields, never the wording of a line: that may change at any time. A query is written
// as in the log, "worker_exited state=ready exit=SIGKILL": the name of the event, then fields that the line
// must have. NAME~TEXT asks for a field that holds TEXT; a value with spaces stands in double quotes. A query
// that begins with a field asks for any event; an empty one matches every line.
//
// The log is an oracle: a line of level alert is a bug or a leak of ours, whatever the test was about.
#ifndef PREFORKD_TESTS_SUPPORT_LOG_ORACLE_H_
#define PREFORKD_TESTS_SUPPORT_LOG_ORACLE_H_

#include <sys/types.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace preforkd::testing {

// One line of the server's log, in text or JSON.
struct LogEntry {
  // By their names in text: level, role, pid, slot, inc, gen, conn, event, and those of the line's own.
  std::map<std::string, std::string> fields;
  std::string message;
  std::string line;
  double time = 0;  // seconds since midnight

  // Empty if the line has no such field.
  [[nodiscard]] std::string Field(const std::string& name) const;
  // 0 if the line has no such field.
  [[nodiscard]] double Number(const std::string& name) const;
};

// Throws std::invalid_argument for an event that does not exist: a test that waits for it would never end
// well.
class LogQuery {
 public:
  explicit LogQuery(std::string_view query);
  [[nodiscard]] bool Matches(const LogEntry& entry) const;

 private:
  struct Condition {
    std::string name;
    std::string value;
    bool contains = false;
  };

  std::vector<Condition> conditions_;
};

// Lines of the log that are the server's; others (a sanitizer's) are left out.
std::vector<LogEntry> ReadLog(const std::string& log);
std::vector<LogEntry> EntriesOf(const std::string& log, std::string_view query);

// One worker process, as the master's log tells it.
struct WorkerLife {
  int slot = 0;
  int incarnation = 0;
  pid_t pid = 0;
  bool ready = false;
  bool retiring = false;
  bool gone = false;
};

// In the order in which they were started.
std::vector<WorkerLife> ReadWorkerLives(const std::string& log);

// Lines of a text, without their ends.
std::vector<std::string> Lines(const std::string& text);
// Lines that contain `part`, of the output of a command or a tracer. A log is read with queries instead.
std::vector<std::string> LinesWith(const std::string& text, std::string_view part);

// The line that ended each reload: reload_done, reload_refused or reload_abandoned.
std::vector<LogEntry> ReloadEnds(const std::string& log);

// Lines that no test may leave behind: alerts, reports of sanitizers, workers that have ended unasked, system
// calls that their filter has refused. Not those that match one of the queries `expected`.
std::vector<std::string> BadLines(const std::string& log, const std::vector<std::string>& expected);

}  // namespace preforkd::testing

#endif
