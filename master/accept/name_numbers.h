// NameNumbers: gives each name a number once and keeps it, so that a parcel means the same to workers of
// every generation. Pure. Numbers are finite: call HasRoomFor before adding names, and refuse names that do
// not fit.
#ifndef PREFORKD_MASTER_ACCEPT_NAME_NUMBERS_H_
#define PREFORKD_MASTER_ACCEPT_NAME_NUMBERS_H_

#include <cstddef>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <type_traits>

#include "common/base/check.h"

namespace preforkd {

template <typename Id>
class NameNumbers {
 public:
  using Number = std::underlying_type_t<Id>;
  static constexpr std::size_t kMaxNumbers = std::size_t{std::numeric_limits<Number>::max()} + 1;

  // Whether every name of `names` has a number or can get one.
  [[nodiscard]] bool HasRoomFor(const std::set<std::string>& names) const {
    std::size_t fresh = 0;
    for (const std::string& name : names) fresh += numbers_.contains(name) ? 0U : 1U;
    return fresh <= kMaxNumbers - numbers_.size();
  }
  // The number of `name`; a new name gets the next number. Precondition: HasRoomFor returned true for it.
  Id Of(const std::string& name) {
    const auto known = numbers_.find(name);
    if (known != numbers_.end()) return known->second;
    PF_CHECK(numbers_.size() < kMaxNumbers, "no number is left for a name");
    return numbers_[name] = static_cast<Id>(numbers_.size());
  }
  // Restores a number from the previous program. All kept numbers must come from one NameNumbers, without
  // gaps.
  void Keep(const std::string& name, Id id) { numbers_[name] = id; }
  [[nodiscard]] const std::map<std::string, Id>& All() const { return numbers_; }

 private:
  std::map<std::string, Id> numbers_;  // never shrinks
};

}  // namespace preforkd

#endif
