// Notices: what the service manager is told, and when (sd_notify(3)). Pure: told of events and times, it
// answers with the text of the datagram to send; an empty one: nothing.
//
// The rules, all of them here:
//   - READY=1 when the first worker serves, and again at the end of each reload, also of one that was
//   refused: a
//     manager that has heard RELOADING=1 waits for it.
//   - Once STOPPING=1 is said, nothing takes it back.
//   - A start and a stop that take long ask for more time, again and again, so that a master that is stuck
//   there is
//     killed soon, and one that lets its clients finish is not. A stop asks until its deadline and a little
//     longer.
//   - The watchdog hears WATCHDOG=1 at half of its time. That the loop turns is shown by asking at all; while
//   it
//     serves, so many workers must beat that it deserves the name.
#ifndef PREFORKD_MASTER_POLICY_NOTICES_H_
#define PREFORKD_MASTER_POLICY_NOTICES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"

namespace preforkd {

class Notices {
 public:
  struct Reading {
    std::uint32_t wanted = 0;       // workers there should be
    std::uint32_t beating = 0;      // of those in service: not silent for hang_timeout
    std::uint64_t in_progress = 0;  // connections
  };

  // How long a start or a stop is asked to be allowed to go on, and how often that is asked for.
  static constexpr Duration kExtension = std::chrono::seconds(15);
  static constexpr Duration kExtendEvery = std::chrono::seconds(5);
  // After a stop's deadline: time for SIGKILL to act and for the last lines.
  static constexpr Duration kAfterDeadline = std::chrono::seconds(5);

  // `watchdog`: the manager's, within which it must hear of us; nullopt: it does not watch.
  Notices(std::optional<Duration> watchdog, Time now);

  // Instead of a start: the program before this one has said READY=1, and then Reloading.
  void Restore() { phase_ = Phase::kReloading; }

  // `status` is one line for people; control characters are escaped.
  std::string Serving(std::string_view status);
  std::string Reloading(std::string_view status, Time now);
  // Done or refused; `status` says which.
  std::string ReloadEnded(std::string_view status);
  // Gracefully, until `deadline`.
  std::string Stopping(Time deadline, Time now);

  // What is due. Call it at NextTick().
  std::string Tick(const Reading& reading, Time now);
  [[nodiscard]] Time NextTick() const;
  // The watchdog is kept waiting, because too few workers beat.
  [[nodiscard]] bool Withholding() const { return withholding_; }

 private:
  enum class Phase { kStarting, kServing, kReloading, kStopping };

  [[nodiscard]] bool Healthy(const Reading& reading) const;
  // Whether more time may be asked for.
  [[nodiscard]] bool MayExtend(Time now) const;

  Phase phase_ = Phase::kStarting;
  std::optional<Duration> beat_every_;
  Time next_beat_{};
  Time next_extension_{};
  Time stop_by_{};
  bool withholding_ = false;
};

}  // namespace preforkd

#endif
