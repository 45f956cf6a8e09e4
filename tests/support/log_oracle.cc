#include "tests/support/log_oracle.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <sstream>
#include <stdexcept>

namespace preforkd::testing {
namespace {

constexpr std::array<std::string_view, 7> kBad = {
    " alert ",        "\"level\":\"alert\"", "ERROR: AddressSanitizer",  "LeakSanitizer",
    "runtime error:", " died while ",        "was refused system calls",
};

bool HoldsAny(std::string_view line, const auto& texts) {
  return std::any_of(texts.begin(), texts.end(),
                     [line](std::string_view text) { return line.find(text) != std::string_view::npos; });
}

WorkerLife* Find(std::vector<WorkerLife>& lives, int incarnation) {
  const auto found = std::find_if(lives.begin(), lives.end(),
                                  [&](const WorkerLife& life) { return life.incarnation == incarnation; });
  return found == lives.end() ? nullptr : &*found;
}

// `event` is what follows "worker slot=S inc=I " in a line of the master.
void Apply(std::string_view event, WorkerLife& life) {
  if (event.starts_with("is ready after")) life.ready = true;
  if (event.starts_with("retires")) life.retiring = true;
  if (event.find(" has left after") != std::string_view::npos) life.gone = true;
  if (event.find(" died while ") != std::string_view::npos) life.gone = true;
}

}  // namespace

std::vector<WorkerLife> ReadWorkerLives(const std::string& log) {
  std::vector<WorkerLife> lives;
  for (const std::string& line : Lines(log)) {
    const std::size_t start = line.find(": worker slot=");
    if (start == std::string::npos) continue;
    WorkerLife life;
    int end = 0;
    if (std::sscanf(line.c_str() + start, ": worker slot=%d inc=%d %n", &life.slot, &life.incarnation, &end) <
        2) {
      continue;
    }
    const std::string event = line.substr(start + static_cast<std::size_t>(end));
    if (std::sscanf(event.c_str(), "started, pid %d", &life.pid) == 1) {
      lives.push_back(life);
    } else if (WorkerLife* known = Find(lives, life.incarnation)) {
      Apply(event, *known);
    }
  }
  return lives;
}

std::vector<std::string> Lines(const std::string& log) {
  std::vector<std::string> lines;
  std::istringstream stream(log);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> LinesWith(const std::string& log, std::string_view text) {
  std::vector<std::string> lines = Lines(log);
  std::erase_if(lines, [text](const std::string& line) { return line.find(text) == std::string::npos; });
  return lines;
}

double TimeOf(const std::string& line) {
  int hours = 0;
  int minutes = 0;
  double seconds = 0;
  const std::size_t start = line.find('T');
  if (start == std::string::npos ||
      std::sscanf(line.c_str() + start, "T%d:%d:%lfZ", &hours, &minutes, &seconds) != 3) {
    throw std::runtime_error("no time in: " + line);
  }
  return hours * 3600 + minutes * 60 + seconds;
}

std::vector<std::string> ReloadEnds(const std::string& log) {
  std::vector<std::string> lines = Lines(log);
  std::erase_if(lines, [](const std::string& line) {
    if (line.find(": reload refused: ") != std::string::npos) return false;
    const std::size_t generation = line.find(": generation ");
    if (generation == std::string::npos) return true;
    return !line.ends_with(" serves") && line.find(" abandoned: ", generation) == std::string::npos;
  });
  return lines;
}

std::vector<std::string> BadLines(const std::string& log, const std::vector<std::string>& expected) {
  std::vector<std::string> lines = Lines(log);
  std::erase_if(lines,
                [&](const std::string& line) { return !HoldsAny(line, kBad) || HoldsAny(line, expected); });
  return lines;
}

}  // namespace preforkd::testing
