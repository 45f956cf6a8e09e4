#include "common/config/value.h"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "common/base/quote.h"

namespace preforkd {
std::string Value::Described() const {
  switch (kind) {
    case Kind::kText:
    case Kind::kString:
      return Quoted(text);
    case Kind::kInteger:
      return fmt::format("{}", integer);
    case Kind::kBoolean:
      return boolean ? "true" : "false";
    case Kind::kFloat:
      return text;
    case Kind::kTable:
      return "a table";
    case Kind::kArray:
      return "an array";
    case Kind::kDate:
      return "a date or time";
  }
  return "a value";
}

Value TextValue(std::string text) {
  return Value{.kind = Value::Kind::kText, .text = std::move(text)};
}

std::string Origin::Text() const {
  return line == 0 ? source : fmt::format("{}:{}:{}", source, line, column);
}

std::string TomlString(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted.push_back('\\');
      quoted.push_back(c);
    } else if (byte < 0x20 || byte == 0x7f) {
      fmt::format_to(std::back_inserter(quoted), "\\u{:04X}", byte);
    } else {
      quoted.push_back(c);
    }
  }
  quoted.push_back('"');
  return quoted;
}

}  // namespace preforkd
