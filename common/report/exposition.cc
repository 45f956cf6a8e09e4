#include "common/report/exposition.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace preforkd {
namespace {

// Bytes of the UTF-8 character that `text` begins with; 0 if it begins with none (RFC 3629, section 4).
std::size_t CharacterSize(std::string_view text) {
  const auto byte = [text](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto tail = [byte](std::size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
  const unsigned first = byte(0);
  const unsigned second = byte(1);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return tail(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const bool overlong = first == 0xe0 && second < 0xa0;
    const bool surrogate = first == 0xed && second > 0x9f;
    return tail(1) && tail(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool overlong = first == 0xf0 && second < 0x90;
    const bool beyond = first == 0xf4 && second > 0x8f;
    return tail(1) && tail(2) && tail(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

bool IsPlain(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
}

// One byte that is no UTF-8 (in the name of a socket, say), and the whole scrape would be refused.
void AppendLabelValue(std::string& text, std::string_view value) {
  if (IsPlain(value)) {
    text += value;
    return;
  }
  while (!value.empty()) {
    const std::size_t size = CharacterSize(value);
    if (size == 0) {
      text += "\xef\xbf\xbd";  // U+FFFD
    } else if (value.front() == '\n') {
      text += "\\n";
    } else {
      if (value.front() == '\\' || value.front() == '"') text += '\\';
      text += value.substr(0, size);
    }
    value.remove_prefix(size == 0 ? 1 : size);
  }
}

}  // namespace

void Exposition::Begin(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  text_.append("# HELP ").append(name).append(" ").append(help);
  text_.append("\n# TYPE ").append(name).append(" ").append(type).append("\n");
}

void Exposition::BeginSample(Labels labels, std::string_view suffix) {
  text_.append(name_).append(suffix);
  const char* separator = "{";
  for (const Label& label : labels) {
    text_.append(separator).append(label.name).append("=\"");
    AppendLabelValue(text_, label.value);
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
