// Reasons that are counted, and their names. The names are labels of metrics: users depend on them.
#ifndef PREFORKD_COMMON_SCOREBOARD_REASONS_H_
#define PREFORKD_COMMON_SCOREBOARD_REASONS_H_

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "common/base/recycle_reason.h"
#include "common/base/return_reason.h"
#include "common/scoreboard/counters.h"

namespace preforkd {

// Why we ended a client's connection. The label of preforkd_connections_lost_total.
enum class LossReason : std::uint8_t {
  kCrash,      // its worker crashed
  kHang,       // its worker hung and was killed
  kDrain,      // its worker had not finished it at the end of drain_timeout
  kStopped,    // it waited for a worker when the server was told to stop at once
  kException,  // the service threw
  kRefused,    // its descriptor could not be passed or watched
};
inline constexpr std::size_t kLossReasons = 6;
const char* LossReasonName(LossReason reason);

// Why a worker ended unexpectedly.
enum class RestartReason : std::uint8_t {
  kCrash,      // killed by a signal that was not ours
  kExit,       // it exited
  kHang,       // it hung, and we killed it
  kStart,      // it did not become ready: it ended, or took too long
  kDrain,      // it was told to retire and had not finished within drain_timeout
  kUntrusted,  // it sent an invalid message, and we killed it
  kUnknown,    // another process has reaped its status
};
inline constexpr std::size_t kRestartReasons = 7;
const char* RestartReasonName(RestartReason reason);

// Which kind of connection was handed to a worker.
enum class HandOverReason : std::uint8_t {
  kAccepted,   // a new connection
  kReturned,   // a worker has had it before: it was parked until its client sent something, or handed back
  kReclaimed,  // another worker had been given it and did not take it
};
inline constexpr std::size_t kHandOverReasons = 3;
const char* HandOverReasonName(HandOverReason reason);

// How a reload ended.
enum class ReloadResult : std::uint8_t {
  kServes,     // the new generation serves
  kRefused,    // the configuration is wrong, or an address cannot be bound; nothing was started
  kAbandoned,  // its workers did not become ready
};
inline constexpr std::size_t kReloadResults = 3;
const char* ReloadResultName(ReloadResult result);

// How an upgrade in place ended.
enum class UpgradeResult : std::uint8_t {
  kServes,     // the new program's workers serve
  kRefused,    // the new program did not start, or refused the state; the old one goes on
  kReturned,   // the new program failed during the upgrade, and the old one resumed
  kAbandoned,  // the new program runs, but its workers did not become ready: those of the old one go on
               // serving
};
inline constexpr std::size_t kUpgradeResults = 4;
const char* UpgradeResultName(UpgradeResult result);

// Errors of accept4(2) that are counted one by one; all others are counted together, last.
inline constexpr std::array kAcceptErrnos = {ECONNABORTED, EMFILE,      ENFILE,      ENOBUFS,
                                             ENOMEM,       EPERM,       EPROTO,      ETIMEDOUT,
                                             ENETDOWN,     ENETUNREACH, EHOSTUNREACH};
enum class AcceptErrno : std::uint8_t {};
inline constexpr std::size_t kAcceptErrorKinds = kAcceptErrnos.size() + 1;
AcceptErrno AcceptErrnoOf(int errnum);
const char* AcceptErrnoName(AcceptErrno kind);  // "EMFILE"; "other"

using RestartCounters = CounterPer<RestartReason, kRestartReasons>;
using RecycleCounters = CounterPer<RecycleReason, kRecycleReasons>;
using HandOverCounters = CounterPer<HandOverReason, kHandOverReasons>;
using ReturnCounters = CounterPer<ReturnReason, kReturnReasons>;
using ReloadCounters = CounterPer<ReloadResult, kReloadResults>;
using UpgradeCounters = CounterPer<UpgradeResult, kUpgradeResults>;
using AcceptErrorCounters = CounterPer<AcceptErrno, kAcceptErrorKinds>;

}  // namespace preforkd

#endif
