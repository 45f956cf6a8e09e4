// What is counted by reason, and what each reason is called: the names are labels of metrics, so they are a
// contract.
#ifndef PREFORKD_COMMON_SCOREBOARD_REASONS_H_
#define PREFORKD_COMMON_SCOREBOARD_REASONS_H_

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "common/base/return_reason.h"
#include "common/scoreboard/counters.h"

namespace preforkd {

// Why a client was cut off by us. The label of preforkd_connections_lost_total.
enum class LossReason : std::uint8_t {
  kCrash,      // its worker died
  kHang,       // its worker was killed because it did not answer any more
  kDrain,      // its worker was still busy with it when drain_timeout was over
  kStopped,    // it waited for a worker when the server was told to stop at once
  kException,  // the service threw
  kRefused,    // the system refused to pass or to watch its descriptor
};
inline constexpr std::size_t kLossReasons = 6;
const char* LossReasonName(LossReason reason);

// Why a worker ended that should not have.
enum class RestartReason : std::uint8_t {
  kCrash,      // killed by a signal that was not ours
  kExit,       // it ended itself
  kHang,       // it did not answer any more, and we killed it
  kStart,      // it did not become ready: it died, or took too long
  kDrain,      // it was told to leave and had not finished within drain_timeout
  kUntrusted,  // it talked nonsense, and we killed it
  kUnknown,    // somebody else has taken its exit status
};
inline constexpr std::size_t kRestartReasons = 7;
const char* RestartReasonName(RestartReason reason);

// Why a worker that was well has been replaced.
enum class RecycleReason : std::uint8_t { kRequests, kMemory, kLifetime, kAsked };
inline constexpr std::size_t kRecycleReasons = 4;
const char* RecycleReasonName(RecycleReason reason);

// What was handed to a worker.
enum class HandOverReason : std::uint8_t {
  kAccepted,   // a new connection
  kReturned,   // one that a worker has had before: parked until its client spoke, or handed back to travel on
  kReclaimed,  // one that another worker was given and did not take
};
inline constexpr std::size_t kHandOverReasons = 3;
const char* HandOverReasonName(HandOverReason reason);

// How a reload ended.
enum class ReloadResult : std::uint8_t {
  kServes,     // the new generation serves
  kRefused,    // the configuration is wrong, or an address cannot be had; nothing was started
  kAbandoned,  // its workers did not become ready
};
inline constexpr std::size_t kReloadResults = 3;
const char* ReloadResultName(ReloadResult result);

// How an upgrade in place ended.
enum class UpgradeResult : std::uint8_t {
  kServes,     // the new program's workers serve
  kRefused,    // the new program did not start, or did not like what it found; the old one serves on
  kReturned,   // the new program failed while it took over, and the old one has come back
  kAbandoned,  // the new program runs, but its workers did not become ready: those of the old one serve on
};
inline constexpr std::size_t kUpgradeResults = 4;
const char* UpgradeResultName(UpgradeResult result);

// Errors of accept4(2) that are counted one by one; any other is counted behind them.
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
