// Makes text from outside safe for a message: one line, quoted, of limited length.
#ifndef PREFORKD_COMMON_TEXT_QUOTE_H_
#define PREFORKD_COMMON_TEXT_QUOTE_H_

#include <string>
#include <string_view>

namespace preforkd {

// The text with control characters as \xNN.
std::string Escaped(std::string_view text);

// 'text', with control characters as \xNN and everything after the first 100 bytes as "...".
std::string Quoted(std::string_view text);

}  // namespace preforkd

#endif
