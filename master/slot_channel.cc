#include "master/slot_channel.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/net/socket_ops.h"
#include "common/wire/codec.h"
#include "master/connection_seals.h"

namespace preforkd {
namespace {

// Bytes of the messages of one batch, kept so that sending allocates nothing once they have grown.
std::array<std::string, kMaxBatch> g_encoded;

// Room for one packet that is received to be reclaimed.
std::array<char, kMaxMessageBytes> g_packet;

}  // namespace

Result<SlotChannel> SlotChannel::Create(WorkerRow& row, std::uint8_t version) {
  Result<SocketPair> pair = MakeChannelPair();
  if (!pair.Ok()) return pair.Err();
  return SlotChannel(std::move(pair).Value(), row, version);
}

SlotChannel SlotChannel::Inherit(SocketPair ends, WorkerRow& row, const RowMirror& mirror, std::uint8_t version,
                                 bool shut) {
  SlotChannel channel(std::move(ends), row, version);
  channel.mirror_ = &mirror;
  channel.inherited_ = true;
  channel.shut_ = shut;
  return channel;
}

// At this moment nobody but the master has written to those three: the worker is not forked yet, or was forked by the
// program before this one, and has a row on that one's board.
SlotChannel::SlotChannel(SocketPair ends, WorkerRow& row, std::uint8_t version)
    : ends_(std::move(ends)), row_(&row), version_(version), cookie_(SocketCookie(MasterEnd())) {
  const std::uint64_t back = Get(row.reclaimed) + Get(row.handed_back);
  given_ = Get(row.handed_over) - std::min(Get(row.handed_over), back);
}

SendResult SlotChannel::Send(std::span<Parcel> parcels) {
  std::array<OutMessage, kMaxBatch> messages;
  PF_CHECK(parcels.size() <= kMaxBatch, "more parcels than a batch");
  for (std::size_t i = 0; i < parcels.size(); ++i) {
    parcels[i].seal = SealOf(parcels[i], cookie_);
    Encode(parcels[i], g_encoded[i], version_);
    messages[i] = OutMessage{g_encoded[i], parcels[i].fd.Get()};
  }
  // Counted before: the worker that is woken sees how many there are, and asks the channel for no more.
  Add(row_->handed_over, parcels.size());
  const SendResult result = SendMessages(MasterEnd(), std::span(messages.data(), parcels.size()));
  Set(row_->handed_over, Get(row_->handed_over) - (parcels.size() - result.sent));
  given_ += result.sent;
  for (std::size_t i = 0; i < result.sent; ++i) parcels[i].fd.Reset();  // the channel has its own copy
  return result;
}

SendResult SlotChannel::Send(const ReopenLog& message) {
  std::string bytes;
  Encode(message, bytes, version_);
  const OutMessage out{bytes, FdOf(message)};
  return SendMessages(MasterEnd(), std::span(&out, 1));
}

void SlotChannel::Nudge() {
  std::string bytes;
  preforkd::Encode(preforkd::Nudge{}, bytes, version_);
  const OutMessage out{bytes, -1};
  (void)SendMessages(MasterEnd(), std::span(&out, 1));  // a channel that has no room wakes its worker anyway
}

std::size_t SlotChannel::Reclaim(std::vector<Parcel>& parcels) {
  std::vector<ReopenLog> log_files;
  const std::size_t count = ReceiveUntaken(parcels, log_files);
  for (const ReopenLog& log_file : log_files) {
    if (Send(log_file).outcome == SendOutcome::kSent) continue;
    log::Warning("incarnation {} keeps writing to the old log", Raw(log_file.incarnation));
  }
  return count;
}

std::size_t SlotChannel::ReceiveUntaken(std::vector<Parcel>& parcels, std::vector<ReopenLog>& log_files) {
  std::size_t count = 0;
  drained_ = false;
  for (;;) {
    // Is there a free descriptor number? Taking one and giving it back is the only way to know that does not
    // depend on what else this process has open.
    UniqueFd probe(::fcntl(MasterEnd(), F_DUPFD_CLOEXEC, 0));
    if (!probe.Valid()) return count;
    probe.Reset();
    ReceiveResult packet = ReceiveMessage(WorkerEnd(), g_packet);
    if (packet.outcome != ReceiveOutcome::kMessage) {
      drained_ = packet.outcome != ReceiveOutcome::kError;
      if (packet.outcome == ReceiveOutcome::kBad) log::Alert("our own message came back broken from the channel");
      return count;
    }
    Result<MasterToWorker> message =
        DecodeForWorker(std::span(g_packet.data(), packet.size), std::move(packet.fd), version_);
    if (!message.Ok()) {
      log::Alert("our own message cannot be decoded: {}", message.Err().text);
      continue;
    }
    if (auto* hand_over = std::get_if<HandOver>(&message.Value())) {
      ++hand_over->parcel.reclaims;
      parcels.push_back(std::move(hand_over->parcel));
      Add(row_->reclaimed);
      given_ -= std::min<std::uint64_t>(given_, 1);
      ++count;
    } else if (auto* reopen = std::get_if<ReopenLog>(&message.Value())) {
      log_files.push_back(std::move(*reopen));
    }
  }
}

void SlotChannel::CloseOurSide() {
  shut_ = true;
  // ENOTCONN cannot happen while we hold both ends.
  PF_CHECK(::shutdown(MasterEnd(), SHUT_WR) == 0, "the channel could not be shut down");
}

void SlotChannel::CountHandedBack() {
  Add(row_->handed_back);
  given_ -= std::min<std::uint64_t>(given_, 1);
}

bool SlotChannel::Knows(const Parcel& parcel) const {
  return version_ < kFirstVersionWithSeals || parcel.seal == SealOf(parcel, cookie_);
}

bool SlotChannel::MayHandBack() {
  finished_ = std::max(finished_, Get(Row().finished) + Get(Row().lost));
  return given_ > finished_;
}

void SlotChannel::BeginAnew(std::uint64_t untaken) {
  given_ = untaken;
  finished_ = 0;
}

}  // namespace preforkd
