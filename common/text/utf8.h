// UTF-8 as RFC 3629, section 4, defines it: the only decoder of this tree. It finds where characters end,
// nothing more; needs no memory.
#ifndef PREFORKD_COMMON_TEXT_UTF8_H_
#define PREFORKD_COMMON_TEXT_UTF8_H_

#include <cstddef>
#include <string_view>

namespace preforkd {

// False for a byte in the middle of a character.
constexpr bool BeginsUtf8(char byte) { return (static_cast<unsigned char>(byte) & 0xc0U) != 0x80U; }

// The length in bytes of the first character of `text`; 0 if it is invalid: cut short, overlong, a surrogate,
// or a code point beyond U+10FFFF. Precondition: `text` is not empty.
constexpr std::size_t Utf8Length(std::string_view text) {
  const auto byte = [text](std::size_t i) {
    return static_cast<unsigned>(static_cast<unsigned char>(text[i]));
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead < 0xc2 || lead > 0xf4 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (length == 0 || length > text.size()) return 0;
  // An overlong encoding, a surrogate and a code point that is too large all show in the second byte.
  const unsigned low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (BeginsUtf8(text[i])) return 0;
  }
  return length;
}

constexpr bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = Utf8Length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace preforkd

#endif
