#include "master/accept/second_look.h"

#include <algorithm>
#include <utility>

namespace preforkd {
namespace {

// So many clients at once are never found one by one for so long; and if they come suddenly, no more than
// that many are handed over one by one.
constexpr std::uint32_t kSingle = 16;
constexpr std::uint32_t kLookOneIn = 16;

}  // namespace

bool SecondLook::Begin() {
  const std::uint32_t found = std::exchange(found_, 0);
  if (looks_) single_ = found > 1 ? 0 : std::min(single_ + 1, kSingle);
  looks_ = single_ < kSingle || ++skipped_ >= kLookOneIn;
  if (looks_) skipped_ = 0;
  return looks_;
}

}  // namespace preforkd
