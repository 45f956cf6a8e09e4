#include "common/report/exposition.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "common/text/utf8.h"

namespace preforkd {
namespace {

bool IsPlain(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
}

// The value of a label, or a help text, in which a quote is nothing special. One invalid UTF-8 byte (in the
// name of a socket, say) would make Prometheus refuse the whole scrape.
void AppendEscaped(std::string& text, std::string_view value, bool quoted) {
  if (IsPlain(value)) {
    text += value;
    return;
  }
  while (!value.empty()) {
    const std::size_t size = Utf8Length(value);
    if (size == 0) {
      text += "\xef\xbf\xbd";  // U+FFFD
    } else if (value.front() == '\n') {
      text += "\\n";
    } else {
      if (value.front() == '\\' || (quoted && value.front() == '"')) text += '\\';
      text += value.substr(0, size);
    }
    value.remove_prefix(size == 0 ? 1 : size);
  }
}

}  // namespace

void Exposition::Begin(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  text_.append("# HELP ").append(name).append(" ");
  AppendEscaped(text_, help, false);
  text_.append("\n# TYPE ").append(name).append(" ").append(type).append("\n");
}

void Exposition::BeginSample(Labels labels, std::string_view suffix) {
  text_.append(name_).append(suffix);
  const char* separator = "{";
  for (const Label& label : labels) {
    text_.append(separator).append(label.name).append("=\"");
    AppendEscaped(text_, label.value, true);
    text_ += '"';
    separator = ",";
  }
  text_ += labels.size() == 0 ? " " : "} ";
}

void Exposition::Sample(std::uint64_t value, Labels labels, std::string_view suffix) {
  BeginSample(labels, suffix);
  const fmt::format_int digits(value);
  text_.append(digits.data(), digits.size()).append("\n");
}

void Exposition::Sample(double value, Labels labels, std::string_view suffix) {
  BeginSample(labels, suffix);
  fmt::format_to(std::back_inserter(text_), "{}\n", value);
}

}  // namespace preforkd
