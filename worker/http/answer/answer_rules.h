// AnswerRules: the fields that every answer of a place has, the handler's and the server's own. A plain
// value: it is read once, when the service starts.
#ifndef PREFORKD_WORKER_HTTP_ANSWER_ANSWER_RULES_H_
#define PREFORKD_WORKER_HTTP_ANSWER_ANSWER_RULES_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/setting.h"
#include "worker/http/answer/field_lines.h"

namespace preforkd {

// What a service, or a table in it, that has places declares.
const std::vector<Setting>& AnswerSettingTable();

struct AnswerRules {
  // The lines together, so that a head has room for them.
  static constexpr std::size_t kMaxBytes = 8 * 1024;

  struct Line {
    std::string name;
    std::string line;  // "Name: value\r\n"

    bool operator==(const Line&) const = default;
  };

  AnswerRules() = default;
  // Precondition: `settings` contains those of the table.
  explicit AnswerRules(const Settings& settings);

  [[nodiscard]] bool Empty() const { return lines.empty() && cache_control.empty(); }
  bool operator==(const AnswerRules&) const = default;

  // Calls `use` with the name and the line, "Name: value\r\n", of each field that an answer gets which has
  // this status, and these lines of its handler.
  template <typename Use>
  void ForEachLine(int status, std::string_view own_lines, Use use) const {
    for (const Line& line : lines) {
      // Several lines of Vary are one list: none of them may be missing, or a cache gives one client's answer
      // to another.
      if (http::EqualsNoCase(line.name, "vary") || !http::HasField(own_lines, line.name))
        use(std::string_view(line.name), std::string_view(line.line));
    }
    const bool may_be_cached = status == 200 || status == 206 || status == 304;
    if (!may_be_cached || cache_control.empty() || http::HasField(own_lines, "cache-control")) return;
    use(std::string_view("Cache-Control"), std::string_view(cache_control));
  }

  // A field of the same name that the handler has set takes the place of each.
  std::vector<Line> lines;
  // The line of Cache-Control, complete, for answers with 200, 206 and 304; empty: none.
  std::string cache_control;
};

// Ok if a head has room for these lines of the key "header".
Status CheckHeaderSize(const std::vector<std::string>& lines);

}  // namespace preforkd

#endif
