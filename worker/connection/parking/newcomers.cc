#include "worker/connection/parking/newcomers.h"

#include <algorithm>
#include <utility>

namespace preforkd {
namespace {

// Of parking.after. With the defaults a long stay is parking.max_after.
constexpr int kLong = 4;
constexpr std::uint32_t kTryOneIn = 16;
constexpr std::uint32_t kForgetAt = 64;  // outcomes

}  // namespace

std::optional<Duration> Newcomers::LongStay(const ParkingConfig& config) {
  const Duration stay = std::min(kLong * config.after, config.max_after);
  if (stay <= config.after) return std::nullopt;
  if (silent_ > spared_ && ++passed_over_ < kTryOneIn) return std::nullopt;
  passed_over_ = 0;
  return stay;
}

void Newcomers::Spared() {
  ++spared_;
  Forget();
}

void Newcomers::WasSilent() {
  ++silent_;
  Forget();
}

void Newcomers::Forget() {
  if (spared_ + silent_ < kForgetAt) return;
  spared_ /= 2;
  silent_ /= 2;
}

void Newcomer::Speaks(Time at, Newcomers& all) {
  const Time gains_at = std::exchange(gains_at_, Time{});
  if (gains_at == Time{} || at <= gains_at) return;
  awaited_ = false;
  all.Spared();
}

void Newcomer::GoesBack(Newcomers& all) {
  if (!IsWatched()) return;
  *this = Newcomer();
  all.WasSilent();
}

}  // namespace preforkd
