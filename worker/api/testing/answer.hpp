// Answer: what a client got. The same from a module in this process and from a server.
#ifndef PREFORKD_TESTING_ANSWER_HPP
#define PREFORKD_TESTING_ANSWER_HPP

#include <algorithm>
#include <cctype>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pfd::testing {

using Fields = std::vector<std::pair<std::string, std::string>>;

inline bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

struct Answer {
  int status = 0;  // 0: none came
  Fields fields;   // of a module in this process: those that it set
  std::string body;
  bool complete = false;  // false: it ended in the middle

  // The first of that name, in any case.
  [[nodiscard]] std::optional<std::string> field(std::string_view name) const {
    for (const auto& [key, value] : fields) {
      if (same_name(key, name)) return value;
    }
    return std::nullopt;
  }
};

// One request. The path may hold a query.
struct Ask {
  std::string method = "GET";
  std::string target = "/";
  std::string body = {};
  Fields fields = {};
  // In this process: false: the client reads nothing until Pending::resume().
  bool reads = true;
};

}  // namespace pfd::testing

#endif
