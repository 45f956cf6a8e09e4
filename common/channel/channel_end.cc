#include "common/channel/channel_end.h"

#include <string.h>  // explicit_bzero

#include <array>
#include <span>
#include <utility>

namespace preforkd {
namespace {

// Room for one packet. One for the process, which receives from one channel at a time. Pages beyond the
// longest packet so far are never touched and use no memory.
std::array<char, kMaxMessageBytes> g_packet;

template <typename Message, typename Decode>
Reception<Message> Receive(const ChannelEnd& end, Decode decode) {
  Reception<Message> reception;
  ReceiveResult packet = ReceiveMessage(end.Fd(), g_packet);
  switch (packet.outcome) {
    case ReceiveOutcome::kMessage: break;
    case ReceiveOutcome::kEmpty: return reception;
    case ReceiveOutcome::kEnd: reception.outcome = Heard::kEnd; return reception;
    case ReceiveOutcome::kBad:
      reception.outcome = packet.fd_table_full ? Heard::kNoDescriptor : Heard::kNonsense;
      reception.why = "a truncated or empty packet, or one with too many descriptors";
      if (packet.fd_table_full) reception.lost = ConnectionIn(std::span(g_packet.data(), packet.size));
      ::explicit_bzero(g_packet.data(), packet.size);
      return reception;
    case ReceiveOutcome::kError:
      reception.outcome = Heard::kError;
      reception.errnum = packet.errnum;
      return reception;
  }
  Result<Message> message = decode(std::span(g_packet.data(), packet.size), std::move(packet.fd),
                                   end.Version(), std::move(packet.second));
  ::explicit_bzero(g_packet.data(), packet.size);  // it may hold keys; a child would have a copy of them
  if (message.Ok()) {
    reception.outcome = Heard::kMessage;
    reception.message = std::move(message).Value();
  } else {
    reception.outcome = Heard::kNonsense;
    reception.why = message.Err().text;
  }
  return reception;
}

}  // namespace

Reception<WorkerToMaster> ChannelEnd::ReceiveFromWorker() const {
  return Receive<WorkerToMaster>(*this, DecodeForMaster);
}

Reception<MasterToWorker> ChannelEnd::ReceiveFromMaster() const {
  return Receive<MasterToWorker>(*this, DecodeForWorker);
}

Reception<Untaken> ChannelEnd::ReceiveUntaken() const { return Receive<Untaken>(*this, DecodeUntaken); }

}  // namespace preforkd
