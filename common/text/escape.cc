#include "common/text/escape.h"

#include <algorithm>
#include <cstddef>

#include "common/text/utf8.h"

namespace preforkd {
namespace {

unsigned char Byte(char c) { return static_cast<unsigned char>(c); }
bool IsAscii(char c) { return Byte(c) < 0x80; }

bool StandsAsItIs(char c, Escape escape) {
  if (IsControl(c)) return false;
  return escape == Escape::kText || (IsAscii(c) && c != '"' && c != '\\');
}

std::string_view Hex(std::string_view prefix, char c, EscapeRoom& room) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  char* end = std::copy(prefix.begin(), prefix.end(), room.data());
  *end++ = kDigits[Byte(c) / 16];
  *end++ = kDigits[Byte(c) % 16];
  return {room.data(), static_cast<std::size_t>(end - room.data())};
}

std::string_view EscapedJson(char c, EscapeRoom& room) {
  if (IsControl(c)) return Hex("\\u00", c, room);
  if (!IsAscii(c)) return "\\ufffd";
  return c == '"' ? "\\\"" : "\\\\";
}

std::string_view EscapedText(char c, EscapeRoom& room) {
  if (c == '\n') return "\\n";
  if (c == '\t') return "\\t";
  return Hex("\\x", c, room);
}

}  // namespace

std::string_view TakeEscaped(std::string_view& text, Escape escape, EscapeRoom& room) {
  const auto special =
      std::find_if(text.begin(), text.end(), [escape](char c) { return !StandsAsItIs(c, escape); });
  auto size = static_cast<std::size_t>(special - text.begin());
  if (size == 0 && escape == Escape::kJson) size = IsAscii(text.front()) ? 0 : Utf8Length(text);
  if (size > 0) {
    const std::string_view plain = text.substr(0, size);
    text.remove_prefix(size);
    return plain;
  }
  const char c = text.front();
  text.remove_prefix(1);
  switch (escape) {
    case Escape::kText: return EscapedText(c, room);
    case Escape::kQuoted: return Hex("\\x", c, room);
    case Escape::kJson: break;
  }
  return EscapedJson(c, room);
}

}  // namespace preforkd
