// All messages between master and worker, in one place.
//
// One message is one SOCK_SEQPACKET packet: it arrives whole or not at all. Each type documents whether a
// descriptor is attached; a connection has a second one if it is heavy (parcel.h). Adding a message touches
// this file, message_type.h, codec.cc and its test, nothing else. To change one, see version.h.
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

// A client connection to serve. Carries its descriptor. For any incarnation that takes it.
struct HandOver {
  Parcel parcel;
};

// The server log, and the access log.
enum class LogKind : std::uint8_t { kServer = 1, kAccess = 2 };

// A new log file, opened by the master because the worker may no longer be allowed to. Carries the log's
// descriptor. For one incarnation only; any other ignores it. When both logs change, the access log's message
// is sent first. Only kServer is answered (LogReopened), and the answer covers both.
struct ReopenLog {
  Incarnation incarnation{};
  LogKind kind = LogKind::kServer;
  log::Sink sink = log::Sink::kFile;
  std::uint64_t round = 0;  // returned in the answer
  UniqueFd fd;
};

// Tells the worker to write its heartbeat now. Sent to a worker that has not read its queue for too long,
// perhaps only because it got no CPU. No descriptor. For any incarnation that takes it.
struct Nudge {};

// ---- worker to master ----

// The worker's loop runs and it can be handed connections. No descriptor.
struct Ready {
  WorkerId id;
};

// The worker was told from outside to exit (SIGTERM), or has reached a limit of its own: start another one,
// then retire it. No descriptor.
struct ReplaceMe {
  WorkerId id;
};

// The worker writes to the file that the ReopenLog of this round brought, and has written out everything for
// the old files. No descriptor.
struct LogReopened {
  WorkerId id;
  std::uint64_t round = 0;
};

// An application thread is free, and connections wait in the master for one (PoolRow::thread_queue). It says
// no more than that: the master looks at the rows. No descriptor.
struct ThreadFree {
  WorkerId id;
};

// A connection that can go on in another worker. Carries its descriptor.
struct HandBack {
  WorkerId id;
  ReturnReason reason = ReturnReason::kIdle;
  // The service has work to do already (unread bytes, a response half sent): do not park it.
  bool wake_now = false;
  // Remaining idle time before the master closes it; 0: no limit. For kBusy: how long its request may wait in
  // the master for a thread.
  std::int64_t idle_left_ns = 0;
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
using Untaken = std::variant<PackedParcel, ReopenLog, Nudge>;  // sent by the master and received back
using WorkerToMaster = std::variant<Ready, ReplaceMe, HandedBack, LogReopened, ThreadFree>;

}  // namespace preforkd

#endif
