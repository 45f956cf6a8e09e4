// Escapes text from outside for a log line: no control characters, so that nobody can forge a line or send
// sequences to a terminal. Works piece by piece, so that the caller needs no memory and can stop when its
// buffer is full.
#ifndef PREFORKD_COMMON_TEXT_ESCAPE_H_
#define PREFORKD_COMMON_TEXT_ESCAPE_H_

#include <array>
#include <string_view>

namespace preforkd {

// A byte that ASCII has for control: below the blank, or DEL.
constexpr bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

enum class Escape {
  kText,  // for people: control bytes as \n, \t or \xNN
  // Between quotes, for programs that read the logs of nginx and Apache: quote, backslash and every byte
  // that is not printable ASCII as \xNN.
  kQuoted,
  kJson,  // inside a JSON string; invalid UTF-8 becomes U+FFFD
};

using EscapeRoom = std::array<char, 6>;

// Removes from the front of `text` either the longest part that needs no escape or one character, and returns
// what to write for it: a view into `text` or into `room`. Precondition: `text` is not empty.
std::string_view TakeEscaped(std::string_view& text, Escape escape, EscapeRoom& room);

}  // namespace preforkd

#endif
