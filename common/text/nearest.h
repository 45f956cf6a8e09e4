// "Did you mean": the known name that a mistyped one most likely means. Pure.
#ifndef PREFORKD_COMMON_TEXT_NEAREST_H_
#define PREFORKD_COMMON_TEXT_NEAREST_H_

#include <span>
#include <string>
#include <string_view>

namespace preforkd {

// The name of `known` with the fewest insertions, deletions, replacements and swaps of neighbours; the first
// of equals. Empty if all are too far for a typing mistake (a third of the name, at least 1, at most 3).
// Case-insensitive.
std::string NearestName(std::string_view word, std::span<const std::string> known);

// "; did you mean 'NAME'?", or empty.
std::string DidYouMean(std::string_view word, std::span<const std::string> known);

}  // namespace preforkd

#endif
