#include "tests/support/metrics_page.h"

#include <fmt/core.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "tests/support/http_client.h"
#include "tests/support/temp_directory.h"

namespace preforkd::testing {
namespace {

std::string_view NameOf(std::string_view series) { return series.substr(0, series.find('{')); }

// Whether a series of this name, in a family of this type, may only grow.
bool OnlyGrows(std::string_view type) { return type == "counter" || type == "histogram"; }

}  // namespace

MetricsPage MetricsPage::Parse(std::string text) {
  MetricsPage page;
  page.text_ = std::move(text);
  bool grows = false;
  for (std::size_t begin = 0, end = 0; begin < page.text_.size(); begin = end + 1) {
    end = page.text_.find('\n', begin);
    if (end == std::string::npos) throw std::runtime_error("the last line has no end");
    const std::string line = page.text_.substr(begin, end - begin);
    const std::size_t space = line.rfind(' ');
    if (space == std::string::npos) throw std::runtime_error("no value: " + line);
    if (line.starts_with("# TYPE ")) {
      const std::string family = line.substr(7, space - 7);
      if (!page.families_.insert(family).second) throw std::runtime_error("a second time: " + line);
      grows = OnlyGrows(std::string_view(line).substr(space + 1));
    }
    if (line.starts_with('#')) continue;
    const std::string series = line.substr(0, space);
    double value = 0;
    const auto [stopped, error] = std::from_chars(line.data() + space + 1, line.data() + line.size(), value);
    if (error != std::errc() || stopped != line.data() + line.size())
      throw std::runtime_error("no number: " + line);
    if (!page.values_.emplace(series, value).second) throw std::runtime_error("a second time: " + line);
    if (grows) page.cumulative_.insert(series);
  }
  return page;
}

std::optional<MetricsPage> MetricsPage::Read(const std::string& address) {
  HttpClient client(address);
  const std::optional<HttpResponse> response = client.Get("/metrics", "Connection: close\r\n");
  if (!response) return std::nullopt;
  if (response->status != 200)
    throw std::runtime_error(fmt::format("status {} for /metrics", response->status));
  return Parse(response->body);
}

double MetricsPage::Value(const std::string& series) const {
  const auto found = values_.find(series);
  return found != values_.end() ? found->second : -1;
}

double MetricsPage::Sum(std::string_view name) const {
  double sum = 0;
  for (const auto& [series, value] : values_) {
    if (NameOf(series) == name) sum += value;
  }
  return sum;
}

std::size_t MetricsPage::Count(std::string_view name) const {
  std::size_t count = 0;
  for (const auto& [series, value] : values_) count += NameOf(series) == name ? 1U : 0U;
  return count;
}

std::vector<std::string> MetricsPage::WentBack(const MetricsPage& earlier) const {
  std::vector<std::string> found;
  for (const std::string& series : earlier.cumulative_) {
    const double before = earlier.values_.at(series);
    const double now = Value(series);
    if (now < before) found.push_back(fmt::format("{} was {} and is {}", series, before, now));
  }
  return found;
}

std::string PromtoolComplaint(const std::string& text) {
  TempDirectory folder;
  const std::string metrics = folder.Path("metrics");
  std::FILE* file = std::fopen(metrics.c_str(), "we");
  if (file == nullptr || std::fputs(text.c_str(), file) < 0 || std::fclose(file) != 0) {
    throw std::runtime_error("cannot write " + metrics);
  }
  std::FILE* pipe = ::popen(("promtool check metrics 2>&1 <" + metrics).c_str(), "re");
  if (pipe == nullptr) throw std::runtime_error("cannot start a shell");
  std::string said;
  std::array<char, 4096> buffer{};
  for (std::size_t size = 0; (size = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    said.append(buffer.data(), size);
  }
  const int status = ::pclose(pipe);
  constexpr int kNotFound = 127;
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNotFound) {
    throw std::runtime_error("promtool is missing: tools/setup test installs it (package prometheus)");
  }
  if (status == 0 && said.empty()) return {};
  return said.empty() ? fmt::format("promtool: wait status {}", status) : said;
}

}  // namespace preforkd::testing
