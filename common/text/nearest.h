// "Did you mean": the known name that a mistyped one is most likely meant to be. Pure.
#ifndef PREFORKD_COMMON_TEXT_NEAREST_H_
#define PREFORKD_COMMON_TEXT_NEAREST_H_

#include <span>
#include <string>
#include <string_view>

namespace preforkd {

// The name of `known` with the fewest insertions, deletions, replacements and swaps of neighbours, the first
// of equals; empty when all are further away than a typing mistake goes (a third of the name, at least one
// and at most three). Upper and lower case count as the same.
std::string NearestName(std::string_view word, std::span<const std::string> known);

// "; did you mean 'NAME'?", or nothing.
std::string DidYouMean(std::string_view word, std::span<const std::string> known);

}  // namespace preforkd

#endif
