#include "common/text/nearest.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace preforkd {
namespace {

// ASCII only: all our names are ASCII.
char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool Same(char a, char b) { return Lower(a) == Lower(b); }

// Optimal string alignment. Three rows are enough: a swap needs the row two back.
std::size_t Distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> above(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = above[j - 1] + (Same(a[i - 1], b[j - 1]) ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, replace});
      const bool swapped = i > 1 && j > 1 && Same(a[i - 1], b[j - 2]) && Same(a[i - 2], b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

std::size_t Tolerance(std::string_view name) { return std::clamp<std::size_t>(name.size() / 3, 1, 3); }

}  // namespace

std::string NearestName(std::string_view word, std::span<const std::string> known) {
  std::string_view nearest;
  std::size_t nearest_distance = 0;
  for (const std::string& name : known) {
    const std::size_t tolerance = Tolerance(name);
    // The lengths alone exclude most names, and bound the work for a word of a megabyte.
    if (word.size() > name.size() + tolerance || name.size() > word.size() + tolerance) continue;
    const std::size_t distance = Distance(word, name);
    if (distance > tolerance || distance >= std::max(word.size(), name.size())) continue;
    if (nearest.empty() || distance < nearest_distance) {
      nearest = name;
      nearest_distance = distance;
    }
  }
  return std::string(nearest);
}

std::string DidYouMean(std::string_view word, std::span<const std::string> known) {
  const std::string nearest = NearestName(word, known);
  return nearest.empty() ? std::string() : fmt::format("; did you mean '{}'?", nearest);
}

}  // namespace preforkd
