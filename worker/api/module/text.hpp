// Texts: pfd_str to std::string_view and back, header fields, decoded parameters of a query. Pure.
//
// A std::string_view from here is valid as long as what it was made of: for a request, until its handler has
// returned and the last copy of it is gone.
#ifndef PREFORKD_MODULE_TEXT_HPP
#define PREFORKD_MODULE_TEXT_HPP

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "../module.h"

namespace pfd::inline v1 {

struct Field {
  std::string_view name;
  std::string_view value;
};

namespace detail {

inline std::string_view view(pfd_str text) {
  return text.data == nullptr ? std::string_view() : std::string_view(text.data, text.size);
}

// Never absent: an empty text keeps a pointer.
inline pfd_str str(std::string_view text) { return {text.data() == nullptr ? "" : text.data(), text.size()}; }

inline std::optional<std::string_view> maybe(pfd_str text) {
  if (text.data == nullptr) return std::nullopt;
  return std::string_view(text.data, text.size);
}

inline int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Adds one part of a log line: a text, a character, true or false, or a number.
template <class Part>
void append(std::string& line, const Part& part) {
  if constexpr (std::is_same_v<Part, bool>) {
    line += part ? "true" : "false";
  } else if constexpr (std::is_same_v<Part, char>) {
    line += part;
  } else if constexpr (std::is_arithmetic_v<Part>) {
    char digits[64];
    line.append(digits, std::to_chars(digits, digits + sizeof(digits), part).ptr);
  } else {
    line += std::string_view(part);
  }
}

}  // namespace detail

// One value of a query or of a form: '+' is a space, %41 is 'A'. An escape that is none stays as it is.
inline std::string decoded(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const int high = text[at] == '%' && at + 2 < text.size() ? detail::hex_digit(text[at + 1]) : -1;
    const int low = high < 0 ? -1 : detail::hex_digit(text[at + 2]);
    if (low >= 0) {
      result += static_cast<char>(high * 16 + low);
      at += 2;
    } else {
      result += text[at] == '+' ? ' ' : text[at];
    }
  }
  return result;
}

// The first parameter of that name, decoded, of "a=1&b=two+words": a query, or the body of a form. Empty if
// it has no '='; absent if there is none.
inline std::optional<std::string> parameter(std::string_view encoded, std::string_view name) {
  while (!encoded.empty()) {
    const std::size_t end = encoded.find('&');
    const std::string_view pair = encoded.substr(0, end);
    const std::size_t equals = pair.find('=');
    const std::string_view key = pair.substr(0, equals);
    if (key == name || (key.find_first_of("%+") != key.npos && decoded(key) == name)) {
      return equals == pair.npos ? std::string() : decoded(pair.substr(equals + 1));
    }
    encoded = end == encoded.npos ? std::string_view() : encoded.substr(end + 1);
  }
  return std::nullopt;
}

}  // namespace pfd::inline v1

#endif
