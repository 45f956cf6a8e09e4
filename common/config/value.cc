#include "common/config/value.h"

#include <fmt/format.h>

#include <array>
#include <iterator>
#include <utility>

#include "common/base/quote.h"

namespace preforkd {
namespace {

struct Utf8Form {
  std::uint32_t mask;   // of the first byte
  std::uint32_t lead;   // what the mask leaves
  std::uint32_t first;  // smallest code point that needs this many bytes
};
constexpr std::array<Utf8Form, 4> kUtf8Forms = {
    {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}}};

bool IsCodePoint(std::uint32_t code) {
  return code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
}

}  // namespace

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

std::size_t CharacterLength(std::string_view text) {
  const std::uint32_t lead = static_cast<unsigned char>(text.front());
  for (std::size_t length = 1; length <= kUtf8Forms.size(); ++length) {
    const Utf8Form& form = kUtf8Forms[length - 1];
    if ((lead & form.mask) != form.lead) continue;
    if (text.size() < length) return 0;
    std::uint32_t code = lead & ~form.mask;
    for (std::size_t i = 1; i < length; ++i) {
      const std::uint32_t byte = static_cast<unsigned char>(text[i]);
      if ((byte & 0xc0) != 0x80) return 0;
      code = (code << 6) | (byte & 0x3f);
    }
    return code >= form.first && IsCodePoint(code) ? length : 0;
  }
  return 0;
}

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = CharacterLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
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
