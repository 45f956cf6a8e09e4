// MetricsPage: what the server counts, as its `/metrics` tells it, and whether it may follow an earlier one.
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
  // Throws std::runtime_error for what is no exposition format.
  static MetricsPage Parse(std::string text);
  // One connection to `address`, one request. nullopt: no answer (its worker may have been killed).
  static std::optional<MetricsPage> Read(const std::string& address);

  [[nodiscard]] const std::string& Text() const { return text_; }
  // By name and labels as they are written: `preforkd_requests_total{pool="main",slot="0"}`. -1 when there is
  // none.
  [[nodiscard]] double Value(const std::string& series) const;
  // The sum over all series of a name, whatever their labels.
  [[nodiscard]] double Sum(std::string_view name) const;
  [[nodiscard]] std::size_t Count(std::string_view name) const;
  // Names of the families, as their TYPE lines say.
  [[nodiscard]] const std::set<std::string>& Families() const { return families_; }
  // Counters, and parts of histograms, that are smaller here than in `earlier`, or missing. Each in words.
  [[nodiscard]] std::vector<std::string> WentBack(const MetricsPage& earlier) const;

 private:
  std::string text_;
  std::map<std::string, double> values_;
  std::set<std::string> families_;
  std::set<std::string> cumulative_;  // series that may only grow
};

// What `promtool check metrics` says about the text: empty when it is content. Throws when there is no
// promtool.
std::string PromtoolComplaint(const std::string& text);

}  // namespace preforkd::testing

#endif
