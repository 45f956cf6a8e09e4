// Every code point there is, in every length that could encode it: one of them is right.
#include "common/text/utf8.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

namespace preforkd::testing {
namespace {

// `code` in `length` bytes, whether it needs them or not.
std::string Encoded(std::uint32_t code, std::size_t length) {
  if (length == 1) return std::string(1, static_cast<char>(code));
  const std::uint32_t marks[] = {0xc0, 0xe0, 0xf0};
  std::string bytes(length, '\0');
  for (std::size_t i = length; i-- > 1; code >>= 6) bytes[i] = static_cast<char>(0x80 | (code & 0x3f));
  bytes[0] = static_cast<char>(marks[length - 2] | code);
  return bytes;
}

std::size_t RightLength(std::uint32_t code) {
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return 0;
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

TEST_CASE("a code point is taken in its shortest form only, surrogates never") {
  const std::uint32_t limits[] = {0x80, 0x800, 0x10000, 0x200000};
  std::size_t wrong = 0;
  for (std::size_t length = 1; length <= 4; ++length) {
    for (std::uint32_t code = 0; code < limits[length - 1]; ++code) {
      const std::size_t right = RightLength(code) == length ? length : 0;
      if (Utf8Length(Encoded(code, length) + "x") != right) ++wrong;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("cut characters and bytes that cannot begin one are invalid") {
  for (const char* text : {"\x80", "\xbf", "\xc3", "\xc3(", "\xe2\x82", "\xe2\x82(", "\xf0\x9f\x90",
                           "\xf0\x9f\x90(", "\xf8\x88\x80\x80\x80", "\xff", "\xfe"}) {
    CAPTURE(text);
    CHECK(Utf8Length(text) == 0);
    CHECK_FALSE(IsUtf8(std::string("a") + text));
  }
  CHECK(IsUtf8(""));
  CHECK(IsUtf8("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x98z"));
}

TEST_CASE("each character has one first byte") {
  for (const std::string text : {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x90\x98"}) {
    CHECK(BeginsUtf8(text[0]));
    CHECK(std::none_of(text.begin() + 1, text.end(), BeginsUtf8));
  }
}

}  // namespace
}  // namespace preforkd::testing
