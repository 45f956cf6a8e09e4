// The table of events in common/README.md: one row for each event of common/base/log_event.h, in its order,
// with its meaning word for word. A difference prints the rows that belong on the page.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "common/base/log_event.h"

namespace preforkd::testing {
namespace {

constexpr std::string_view kBegin = "<!-- events -->\n";
constexpr std::string_view kEnd = "<!-- end of events -->\n";

std::string TableOfEvents() {
  std::string table = "| event | meaning |\n| --- | --- |\n";
  for (const log::EventInfo& event : log::kEvents) {
    table += fmt::format("| `{}` | {} |\n", event.name, event.meaning);
  }
  return table;
}

// Empty if the page has no such table.
std::string TableOnPage(const std::string& path) {
  std::ifstream file(path);
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  const std::size_t begin = page.find(kBegin);
  if (begin == std::string::npos) return {};
  const std::size_t end = page.find(kEnd, begin);
  if (end == std::string::npos) return {};
  return page.substr(begin + kBegin.size(), end - begin - kBegin.size());
}

}  // namespace

TEST_CASE("common/README.md lists every event of the log with its meaning") {
  const bool same = TableOnPage("common/README.md") == TableOfEvents();
  CHECK(same);
  if (!same) {
    MESSAGE("between ", std::string(kBegin), " and ", std::string(kEnd), " belongs\n", TableOfEvents());
  }
}

}  // namespace preforkd::testing
