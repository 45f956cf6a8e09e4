// What a server's log tells the harness. Pure: text in, facts out.
//
// The log is an oracle: a line of level alert is a bug or a leak of ours, whatever the test was about.
#ifndef PREFORKD_TESTS_SUPPORT_LOG_ORACLE_H_
#define PREFORKD_TESTS_SUPPORT_LOG_ORACLE_H_

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace preforkd::testing {

// One worker process, as the master told its story.
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

// Lines of the log, without their ends.
std::vector<std::string> Lines(const std::string& log);
// Lines that hold `text`.
std::vector<std::string> LinesWith(const std::string& log, std::string_view text);

// Seconds since midnight at which the server wrote a line of its log. Throws std::runtime_error when it has
// no time.
double TimeOf(const std::string& line);

// The line that ended each reload: "generation 3 serves", "generation 3 abandoned: ..." or "reload refused:
// ...".
std::vector<std::string> ReloadEnds(const std::string& log);

// Lines that no test may leave behind: alerts, reports of sanitizers, deaths of workers, system calls that
// their filter has refused. Not those that hold one of `expected`.
std::vector<std::string> BadLines(const std::string& log, const std::vector<std::string>& expected);

}  // namespace preforkd::testing

#endif
