#include "tests/support/log_oracle.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>

#include "common/base/log_event.h"

namespace preforkd::testing {
namespace {

// In a line that is no entry: reports of sanitizers, and what is left of an alert whose line is damaged.
constexpr std::array<std::string_view, 5> kReports = {"ERROR: AddressSanitizer", "LeakSanitizer",
                                                      "runtime error:", " alert ", "\"level\":\"alert\""};
const std::set<std::string> kLevels = {"debug", "info", "notice", "warning", "error", "alert"};

// "\x0a" and its like, as the log quotes a value.
std::string Unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) == "\\x" && i + 4 <= text.size()) {
      plain.push_back(static_cast<char>(std::stoi(std::string(text.substr(i + 2, 2)), nullptr, 16)));
      i += 3;
    } else {
      plain.push_back(text[i]);
    }
  }
  return plain;
}

// Takes NAME=VALUE or a bare word off the front. A value may be quoted.
std::string_view TakeToken(std::string_view& rest) {
  std::size_t end = rest.find(' ');
  const std::size_t quote = rest.find('"');
  const bool quoted = quote != 0 && quote < end && (rest[quote - 1] == '=' || rest[quote - 1] == '~');
  if (quoted) end = rest.find('"', quote + 1) + 1;
  end = std::min(end, rest.size());
  const std::string_view token = rest.substr(0, end);
  rest.remove_prefix(std::min(end + (end < rest.size() && rest[end] == ' ' ? 1 : 0), rest.size()));
  return token;
}

double TimeOf(const std::string& line) {
  int hours = 0;
  int minutes = 0;
  double seconds = 0;
  const std::size_t start = line.find('T');
  if (start == std::string::npos) return 0;
  std::sscanf(line.c_str() + start, "T%d:%d:%lfZ", &hours, &minutes, &seconds);
  return hours * 3600 + minutes * 60 + seconds;
}

std::optional<LogEntry> ReadJson(const std::string& line) {
  const nlohmann::json object = nlohmann::json::parse(line, nullptr, false);
  if (!object.is_object() || !object.contains("event")) return std::nullopt;
  LogEntry entry;
  for (const auto& [name, value] : object.items()) {
    const std::string short_name = name == "incarnation" ? "inc" : name == "generation" ? "gen" : name;
    entry.fields[short_name] = value.is_string() ? value.get<std::string>() : value.dump();
  }
  entry.message = entry.Field("message");
  entry.time = TimeOf(entry.Field("time"));
  return entry;
}

// TIME LEVEL ROLE name=value name="value": message
std::optional<LogEntry> ReadText(const std::string& line) {
  LogEntry entry;
  std::string_view rest = line;
  const auto next_word = [&rest] {
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    return std::string(TakeToken(rest));
  };
  const std::string time = next_word();
  entry.fields["level"] = next_word();
  entry.fields["role"] = next_word();
  if (!kLevels.contains(entry.fields["level"])) return std::nullopt;
  for (bool head = true; head && !rest.empty();) {
    std::string_view token = TakeToken(rest);
    if (rest.starts_with(": ") && token.ends_with('"')) {  // the last value is quoted
      head = false;
      rest.remove_prefix(2);
    } else if (token.ends_with(':')) {
      head = false;
      token.remove_suffix(1);
    }
    const std::size_t equals = token.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    std::string_view value = token.substr(equals + 1);
    const bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
    if (quoted) value = value.substr(1, value.size() - 2);
    entry.fields[std::string(token.substr(0, equals))] = quoted ? Unescaped(value) : std::string(value);
  }
  if (!entry.fields.contains("event")) return std::nullopt;
  entry.message = rest;
  entry.time = TimeOf(time);
  return entry;
}

std::optional<LogEntry> Read(const std::string& line) {
  std::optional<LogEntry> entry = line.starts_with('{') ? ReadJson(line) : ReadText(line);
  if (entry) entry->line = line;
  return entry;
}

bool IsBad(const std::string& line, const std::optional<LogEntry>& entry) {
  if (!entry) {
    return std::any_of(kReports.begin(), kReports.end(),
                       [&](std::string_view text) { return line.find(text) != std::string::npos; });
  }
  const std::string event = entry->Field("event");
  return entry->Field("level") == "alert" || event == "worker_exited" || event == "calls_refused";
}

void Apply(const LogEntry& entry, WorkerLife& life) {
  const std::string event = entry.Field("event");
  if (event == "worker_ready") life.ready = true;
  if (event == "worker_retiring") life.retiring = true;
  if (event == "worker_retired" || event == "worker_exited") life.gone = true;
}

}  // namespace

std::string LogEntry::Field(const std::string& name) const {
  const auto found = fields.find(name);
  return found == fields.end() ? std::string() : found->second;
}

double LogEntry::Number(const std::string& name) const { return std::strtod(Field(name).c_str(), nullptr); }

LogQuery::LogQuery(std::string_view query) {
  while (!query.empty()) {
    const std::string token(TakeToken(query));
    const std::size_t operation = token.find_first_of("=~");
    if (operation != std::string::npos) {
      std::string value = token.substr(operation + 1);
      if (value.size() >= 2 && value.front() == '"') value = value.substr(1, value.size() - 2);
      conditions_.push_back({token.substr(0, operation), value, token[operation] == '~'});
      continue;
    }
    const bool known = std::any_of(log::kEvents.begin(), log::kEvents.end(),
                                   [&](const log::EventInfo& info) { return info.name == token; });
    if (!known || !conditions_.empty()) throw std::invalid_argument("no event of the log: " + token);
    conditions_.push_back({"event", token, false});
  }
}

bool LogQuery::Matches(const LogEntry& entry) const {
  return std::all_of(conditions_.begin(), conditions_.end(), [&](const Condition& condition) {
    const auto found = entry.fields.find(condition.name);
    if (found == entry.fields.end()) return false;
    return condition.contains ? found->second.find(condition.value) != std::string::npos
                              : found->second == condition.value;
  });
}

std::vector<LogEntry> ReadLog(const std::string& log) {
  std::vector<LogEntry> entries;
  for (const std::string& line : Lines(log)) {
    if (std::optional<LogEntry> entry = Read(line)) entries.push_back(*std::move(entry));
  }
  return entries;
}

std::vector<LogEntry> EntriesOf(const std::string& log, std::string_view query) {
  const LogQuery wanted(query);
  std::vector<LogEntry> entries = ReadLog(log);
  std::erase_if(entries, [&](const LogEntry& entry) { return !wanted.Matches(entry); });
  return entries;
}

std::vector<WorkerLife> ReadWorkerLives(const std::string& log) {
  std::vector<WorkerLife> lives;
  for (const LogEntry& entry : ReadLog(log)) {
    if (entry.Field("role") != "master" || !entry.fields.contains("inc")) continue;
    const int incarnation = static_cast<int>(entry.Number("inc"));
    const auto known = std::find_if(lives.begin(), lives.end(),
                                    [&](const WorkerLife& life) { return life.incarnation == incarnation; });
    if (entry.Field("event") == "worker_started") {
      lives.push_back({static_cast<int>(entry.Number("slot")), incarnation,
                       static_cast<pid_t>(entry.Number("worker_pid"))});
    } else if (known != lives.end()) {
      Apply(entry, *known);
    }
  }
  return lives;
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> LinesWith(const std::string& text, std::string_view part) {
  std::vector<std::string> lines = Lines(text);
  std::erase_if(lines, [&](const std::string& line) { return line.find(part) == std::string::npos; });
  return lines;
}

std::vector<LogEntry> ReloadEnds(const std::string& log) {
  std::vector<LogEntry> entries = ReadLog(log);
  std::erase_if(entries, [](const LogEntry& entry) {
    const std::string event = entry.Field("event");
    return event != "reload_done" && event != "reload_refused" && event != "reload_abandoned";
  });
  return entries;
}

std::vector<std::string> BadLines(const std::string& log, const std::vector<std::string>& expected) {
  const std::vector<LogQuery> queries(expected.begin(), expected.end());
  std::vector<std::string> bad;
  for (const std::string& line : Lines(log)) {
    const std::optional<LogEntry> entry = Read(line);
    const bool wanted = entry && std::any_of(queries.begin(), queries.end(),
                                             [&](const LogQuery& query) { return query.Matches(*entry); });
    if (!wanted && IsBad(line, entry)) bad.push_back(line);
  }
  return bad;
}

}  // namespace preforkd::testing
