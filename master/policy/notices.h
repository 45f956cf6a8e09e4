// Notices: decides what the service manager is told, and when (sd_notify(3)). Pure: it is told events and
// times and returns the text of the datagram to send; empty: nothing to send.
//
// The rules:
//   - READY=1 when the first worker serves, and again at the end of each reload, also of a refused one:
//     after RELOADING=1 a manager waits for it.
//   - After STOPPING=1 no other state is sent.
//   - A slow start and a slow stop ask for more time repeatedly. So the manager kills a stuck master soon,
//     but not one that lets its clients finish. A stop asks until its deadline plus kAfterDeadline.
//   - WATCHDOG=1 is sent at half of the watchdog interval. Sending it at all shows that the loop runs. While
//     serving it is sent only if at least half of the workers (and at least one) have a recent heartbeat.
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
    std::uint32_t wanted = 0;       // workers that should exist
    std::uint32_t beating = 0;      // workers in service with a heartbeat within hang_timeout
    std::uint64_t in_progress = 0;  // connections
  };

  // How much more time a start or a stop asks for, and how often.
  static constexpr Duration kExtension = std::chrono::seconds(15);
  static constexpr Duration kExtendEvery = std::chrono::seconds(5);
  // Asked for beyond a stop's deadline: time for SIGKILL to take effect and for the last log lines.
  static constexpr Duration kAfterDeadline = std::chrono::seconds(5);

  // `watchdog`: the manager's watchdog interval; nullopt: it has none.
  Notices(std::optional<Duration> watchdog, Time now);

  // For a program that was exec'ed in an upgrade: its predecessor has sent READY=1 and then RELOADING=1.
  void Restore() { phase_ = Phase::kReloading; }

  // In all of these `status` is one line for people; control characters are escaped.
  std::string Serving(std::string_view status);
  std::string Reloading(std::string_view status, Time now);
  // The reload is done or refused; `status` says which.
  std::string ReloadEnded(std::string_view status);
  // A graceful stop until `deadline`.
  std::string Stopping(Time deadline, Time now);

  // Returns what is due. Call it at NextTick().
  std::string Tick(const Reading& reading, Time now);
  [[nodiscard]] Time NextTick() const;
  // True while WATCHDOG=1 is withheld because too few workers have a recent heartbeat.
  [[nodiscard]] bool Withholding() const { return withholding_; }

 private:
  enum class Phase { kStarting, kServing, kReloading, kStopping };

  [[nodiscard]] bool Healthy(const Reading& reading) const;
  // True if the manager may still be asked for more time.
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
