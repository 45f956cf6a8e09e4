#include "master/policy/notices.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/text/quote.h"

namespace preforkd {
namespace {

// Distance of the next tick when nothing is due.
constexpr Duration kIdle = std::chrono::hours(1);

std::int64_t Microseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

std::string StatusLine(std::string_view status) { return fmt::format("STATUS={}\n", Escaped(status)); }

std::string ExtensionLine() {
  return fmt::format("EXTEND_TIMEOUT_USEC={}\n", Microseconds(Notices::kExtension));
}

std::string StoppingStatus(std::uint64_t in_progress, Duration left) {
  return fmt::format("stopping: {} connections in progress have {:.0f} s to finish", in_progress,
                     std::max(0.0, Seconds(left)));
}

}  // namespace

Notices::Notices(std::optional<Duration> watchdog, Time now)
    : next_beat_(now), next_extension_(now + kExtendEvery) {
  if (watchdog) beat_every_ = *watchdog / 2;
}

std::string Notices::Serving(std::string_view status) {
  if (phase_ != Phase::kStarting) return {};
  phase_ = Phase::kServing;
  return "READY=1\n" + StatusLine(status);
}

std::string Notices::Reloading(std::string_view status, Time now) {
  if (phase_ != Phase::kServing) return {};
  phase_ = Phase::kReloading;
  return fmt::format("RELOADING=1\nMONOTONIC_USEC={}\n", Microseconds(now.time_since_epoch())) +
         StatusLine(status);
}

std::string Notices::ReloadEnded(std::string_view status) {
  if (phase_ != Phase::kReloading) return {};
  phase_ = Phase::kServing;
  return "READY=1\n" + StatusLine(status);
}

std::string Notices::Stopping(Time deadline, Time now) {
  if (phase_ == Phase::kStopping) return {};
  phase_ = Phase::kStopping;
  stop_by_ = deadline;
  next_extension_ = now + kExtendEvery;
  return "STOPPING=1\n" + ExtensionLine() + StatusLine("stopping");
}

std::string Notices::Tick(const Reading& reading, Time now) {
  std::string text;
  if (beat_every_ && now >= next_beat_) {
    next_beat_ = now + *beat_every_;
    withholding_ = !Healthy(reading);
    if (!withholding_) text += "WATCHDOG=1\n";
  }
  if (now >= next_extension_) {
    next_extension_ = now + kExtendEvery;  // even when too late to ask: the next tick must be in the future
    if (!MayExtend(now)) return text;
    text += ExtensionLine();
    if (phase_ == Phase::kStopping) text += StatusLine(StoppingStatus(reading.in_progress, stop_by_ - now));
  }
  return text;
}

Time Notices::NextTick() const {
  Time next = next_extension_ + kIdle;
  if (beat_every_) next = std::min(next, next_beat_);
  if (phase_ == Phase::kStarting ||
      (phase_ == Phase::kStopping && next_extension_ < stop_by_ + kAfterDeadline)) {
    next = std::min(next, next_extension_);
  }
  return next;
}

// Half of the workers: one that is being replaced and one in restart back-off are normal. A restart by the
// manager would cost more clients than it saves while the server still serves.
bool Notices::Healthy(const Reading& reading) const {
  if (phase_ == Phase::kStarting || phase_ == Phase::kStopping) return true;  // bounded by other timeouts
  return reading.beating >= std::max<std::uint32_t>(1, reading.wanted / 2);
}

bool Notices::MayExtend(Time now) const {
  if (phase_ == Phase::kStopping) return now < stop_by_ + kAfterDeadline;
  return phase_ == Phase::kStarting;
}

}  // namespace preforkd
