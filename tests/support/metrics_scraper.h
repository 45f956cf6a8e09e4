// MetricsScraper: asks for the metrics in the background, one scrape after the other, and compares each with
// the one before. Runs a thread: start a DaemonProcess before it.
#ifndef PREFORKD_TESTS_SUPPORT_METRICS_SCRAPER_H_
#define PREFORKD_TESTS_SUPPORT_METRICS_SCRAPER_H_

#include <atomic>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/metrics_page.h"

namespace preforkd::testing {

class MetricsScraper {
 public:
  explicit MetricsScraper(std::string address) : address_(std::move(address)), thread_([this] { Run(); }) {}
  MetricsScraper(const MetricsScraper&) = delete;
  MetricsScraper& operator=(const MetricsScraper&) = delete;
  ~MetricsScraper() { Stop(); }

  void Stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] std::uint64_t Scrapes() const { return scrapes_; }
  // After Stop.
  [[nodiscard]] const std::vector<std::string>& WentBack() const { return went_back_; }

 private:
  void Run() {
    std::optional<MetricsPage> last;
    while (!stop_) {
      std::optional<MetricsPage> page;
      try {
        page = MetricsPage::Read(address_);
      } catch (const std::exception& exception) {
        went_back_.push_back(exception.what());
      }
      if (!page) continue;  // its worker was killed
      ++scrapes_;
      if (last) {
        for (std::string& series : page->WentBack(*last)) went_back_.push_back(std::move(series));
      }
      last = std::move(page);
    }
  }

  std::string address_;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> scrapes_{0};
  std::vector<std::string> went_back_;
  std::thread thread_;
};

}  // namespace preforkd::testing

#endif
