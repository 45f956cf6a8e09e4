// MetricsPage: the content of `/metrics`, and whether it can be later than another page.
#ifndef PREFORKD_TESTS_SUPPORT_METRICS_PAGE_H_
#define PREFORKD_TESTS_SUPPORT_METRICS_PAGE_H_

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace preforkd::testing {

class MetricsPage {
 public:
  // Throws std::runtime_error for text that is not in the exposition format.
  static MetricsPage Parse(std::string text);
  // One connection to `address`, one request. nullopt: no answer (its worker may have been killed).
  static std::optional<MetricsPage> Read(const std::string& address);

  [[nodiscard]] const std::string& Text() const { return text_; }
  // By name and labels as on the page: `preforkd_requests_total{pool="main",slot="0"}`. -1 if there is none.
  [[nodiscard]] double Value(const std::string& series) const;
  // The sum over all series of a name, whatever their labels.
  [[nodiscard]] double Sum(std::string_view name) const;
  [[nodiscard]] std::size_t Count(std::string_view name) const;
  // Names of the families, from their TYPE lines.
  [[nodiscard]] const std::set<std::string>& Families() const { return families_; }
  // Counters and parts of histograms that are missing here or smaller than in `earlier`. A text for each.
  [[nodiscard]] std::vector<std::string> WentBack(const MetricsPage& earlier) const;

 private:
  std::string text_;
  std::map<std::string, double> values_;
  std::set<std::string> families_;
  std::set<std::string> cumulative_;  // series that may only grow
};

// The complaints of `promtool check metrics` about the text; empty if there are none. Throws if promtool is
// not installed.
std::string PromtoolComplaint(const std::string& text);

}  // namespace preforkd::testing

#endif
