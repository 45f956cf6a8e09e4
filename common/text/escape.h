// Text from outside, made fit for a line of a log: no control character, so that nobody can forge a line or
// speak to a terminal. Taken off piece by piece, so that whoever writes needs no memory and can stop where
// his room ends.
#ifndef PREFORKD_COMMON_TEXT_ESCAPE_H_
#define PREFORKD_COMMON_TEXT_ESCAPE_H_

#include <array>
#include <string_view>

namespace preforkd {

enum class Escape {
  kText,    // for people: control bytes as \n, \t or \xNN
  kQuoted,  // between quotes, for programs that know nginx's and Apache's logs: quote, backslash and every
            // byte that is not printable ASCII as \xNN
  kJson,    // inside a JSON string; a byte that is no UTF-8 becomes U+FFFD
};

using EscapeRoom = std::array<char, 6>;

// Takes as much off the front of `text` as can stand as it is, or else one character, and returns what to
// write for it: a view into `text` or into `room`. Precondition: `text` is not empty.
std::string_view TakeEscaped(std::string_view& text, Escape escape, EscapeRoom& room);

}  // namespace preforkd

#endif
