#include "worker/process/intake.h"

#include <cstddef>
#include <utility>
#include <variant>

#include "common/base/log.h"
#include "common/base/sys_error.h"
#include "common/process/limits.h"
#include "worker/process/crowding.h"

namespace preforkd {
namespace {

// Maximum number of parcels taken per turn of the loop, so that connected clients are served meanwhile.
constexpr std::size_t kTakesPerTurn = 32;
// Pause before the next take when no descriptor is free.
constexpr Duration kNoRoomPause = std::chrono::milliseconds(50);

}  // namespace

Intake::Intake(WorkerEnv& env, MasterLink& master, ConnectionTable& connections, ConnectionReturns& returns,
               Sink& sink)
    : env_(env),
      master_(master),
      connections_(connections),
      returns_(returns),
      sink_(sink),
      take_again_(env.loop, EventLoop::kPriorityControl, [this] { TakeAgain(); }) {}

void Intake::TakeSome(std::uint64_t descriptor_limit) {
  // Near the limit, check for a free descriptor before each take.
  const bool plenty = DescriptorsFor(connections_.Size() + kTakesPerTurn) < descriptor_limit;
  for (std::size_t i = 0; i < kTakesPerTurn && !env_.retiring; ++i) {
    if (!plenty && !EnsureRoom()) return;
    if (!TakeOne()) return;
    // Stop at the number that the master has counted. If more is queued, the event loop reports it.
    if (env_.row.Queued() == 0) return;
  }
}

bool Intake::EnsureRoom() {
  if (HasDescriptorRoom(DescriptorsFor(connections_.Size()), kDescriptorsPerConnection)) return true;
  if (const auto held_back = log_limit_.Allow(Now())) {
    log::Warning({log::kDescriptorsShort, {{"connections", connections_.Size()}, {"suppressed", *held_back}}},
                 "out of file descriptors ({} connections, limit {}): not taking connections for now",
                 connections_.Size(), DescriptorLimit());
  }
  // Told to retire while the queue cannot be taken: hand back connections to make room.
  if (master_.MasterHasShutDown()) {
    connections_.ForEach(
        [this](LiveConnection& connection) { returns_.Return(connection, ReturnReason::kRetiring); });
  }
  Pause();
  return false;
}

void Intake::Pause() {
  take_again_.SetAfter(kNoRoomPause);
  if (const Status status = master_.SetReading(false); !status.Ok())
    log::Error(log::kSystemCallFailed, "{}", status.Err().text);
}

void Intake::TakeAgain() {
  if (env_.retiring) return;
  const Status status = master_.SetReading(true);
  if (status.Ok()) return;
  log::Error(log::kSystemCallFailed, "{}", status.Err().text);
  take_again_.SetAfter(kNoRoomPause);  // it must be able to receive again
}

bool Intake::TakeOne() {
  Reception<MasterToWorker> reception = master_.Receive();
  switch (reception.outcome) {
    case Heard::kMessage: break;
    case Heard::kNothing: return false;
    case Heard::kEnd: sink_.OnEnd(); return false;
    case Heard::kNonsense: sink_.OnNonsense(reception.why); return false;
    case Heard::kNoDescriptor: sink_.OnLostDescriptor(reception.lost); return false;
    case Heard::kError:  // nothing was received; an immediate retry could spin
      if (const auto held_back = log_limit_.Allow(Now())) {
        log::Error({log::kSystemCallFailed, {{"suppressed", *held_back}}}, "recvmsg: {}, will retry",
                   ErrnoText(reception.errnum));
      }
      Pause();
      return false;
  }
  Deliver(std::move(*reception.message));
  return true;
}

void Intake::Deliver(MasterToWorker message) {
  if (auto* hand_over = std::get_if<HandOver>(&message)) {
    sink_.OnParcel(std::move(hand_over->parcel));
  } else if (auto* reopen = std::get_if<ReopenLog>(&message)) {
    sink_.OnReopenLog(std::move(*reopen));
  } else {
    sink_.OnNudge();
  }
}

}  // namespace preforkd
