// Exposition: builds a text in Prometheus' exposition format, version 0.0.4. Knows no metric.
#ifndef PREFORKD_COMMON_REPORT_EXPOSITION_H_
#define PREFORKD_COMMON_REPORT_EXPOSITION_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace preforkd {

class Exposition {
 public:
  // Reserves room for a server with a few workers, so that the text is not copied as it grows.
  Exposition() { text_.reserve(16 * 1024); }

  struct Label {
    std::string_view name;
    std::string_view value;  // any bytes
  };
  using Labels = std::initializer_list<Label>;

  // Begins a family of samples and ends the previous one. `name` must live until the next call of these.
  // `help`: any bytes, in one line.
  void Counter(std::string_view name, std::string_view help) { Begin(name, "counter", help); }
  void Gauge(std::string_view name, std::string_view help) { Begin(name, "gauge", help); }
  void Histogram(std::string_view name, std::string_view help) { Begin(name, "histogram", help); }

  // Adds one sample to the family. `suffix` is appended to the name ("_bucket").
  void Sample(std::uint64_t value, Labels labels = {}, std::string_view suffix = {});
  void Sample(double value, Labels labels = {}, std::string_view suffix = {});

  [[nodiscard]] std::string Take() { return std::move(text_); }

 private:
  void Begin(std::string_view name, std::string_view type, std::string_view help);
  void BeginSample(Labels labels, std::string_view suffix);

  std::string text_;
  std::string_view name_;
};

}  // namespace preforkd

#endif
