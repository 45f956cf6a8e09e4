// Everything that master and worker can say to each other, in one place.
//
// One message is one SOCK_SEQPACKET packet: it arrives whole or not at all. Each type says whether exactly
// one descriptor rides along or none. Adding a message touches this file, message_type.h, codec.cc and its
// test, nothing else. Changing one: see version.h.
#ifndef PREFORKD_COMMON_WIRE_MESSAGES_H_
#define PREFORKD_COMMON_WIRE_MESSAGES_H_

#include <cstdint>
#include <variant>

#include "common/base/ids.h"
#include "common/base/log.h"
#include "common/base/return_reason.h"
#include "common/base/unique_fd.h"
#include "common/wire/packed_parcel.h"
#include "common/wire/parcel.h"

namespace preforkd {

// No packet is longer: a receive buffer of this size never truncates one of ours.
inline constexpr std::size_t kMaxMessageBytes = 64 * 1024;

// ---- master to worker ----

// A client connection to serve. Carries its descriptor. Meant for whichever incarnation takes it.
struct HandOver {
  Parcel parcel;
};

// The log proper, and the access log.
enum class LogKind : std::uint8_t { kServer = 1, kAccess = 2 };

// A new log file, opened by the master because the worker may no longer be allowed to. Carries the log's
// descriptor. Meant for one incarnation only; any other ignores it. When both logs change, the access log's
// comes first: kServer is answered with LogReopened, which then speaks for both.
struct ReopenLog {
  Incarnation incarnation{};
  LogKind kind = LogKind::kServer;
  log::Sink sink = log::Sink::kFile;
  std::uint64_t round = 0;  // comes back in the answer
  UniqueFd fd;
};

// Show that you run: stamp the heartbeat now. For a worker that has left its queue alone for too long, which
// may only mean that the machine did not let it run. No descriptor. Meant for whichever incarnation takes it.
struct Nudge {};

// ---- worker to master ----

// The worker's loop runs; hand it connections. No descriptor.
struct Ready {
  WorkerId id;
};

// The worker was told from outside to leave (SIGTERM, or a limit of its own): start another, then retire this
// one. No descriptor.
struct ReplaceMe {
  WorkerId id;
};

// It writes to what the ReopenLog of this round brought, and everything it had for the old files is in them.
// No descriptor.
struct LogReopened {
  WorkerId id;
  std::uint64_t round = 0;
};

// A connection that can go on elsewhere. Carries its descriptor.
struct HandBack {
  WorkerId id;
  ReturnReason reason = ReturnReason::kIdle;
  bool wake_now =
      false;  // has work for the service already (unread bytes, an answer half sent): do not park it
  std::int64_t idle_left_ns = 0;  // how much longer it may stay idle before the master closes it; 0: for ever
  Parcel parcel;
};

// A HandBack as the master receives it.
struct HandedBack {
  WorkerId id;
  ReturnReason reason = ReturnReason::kIdle;
  bool wake_now = false;
  std::int64_t idle_left_ns = 0;
  PackedParcel parcel;
};

using MasterToWorker = std::variant<HandOver, ReopenLog, Nudge>;
using Untaken = std::variant<PackedParcel, ReopenLog, Nudge>;  // what the master has sent and takes back
using WorkerToMaster = std::variant<Ready, ReplaceMe, HandedBack, LogReopened>;

}  // namespace preforkd

#endif
