#include "master/slot_channel.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/wire/codec.h"

namespace preforkd {
namespace {

// Bytes of the messages of one batch, kept so that sending allocates nothing once they have grown.
std::array<std::string, kMaxBatch> g_encoded;

// Room for one packet that is received to be reclaimed.
std::array<char, kMaxMessageBytes> g_packet;

}  // namespace

Result<SlotChannel> SlotChannel::Create(WorkerRow& row) {
  Result<SocketPair> pair = MakeChannelPair();
  if (!pair.Ok()) return pair.Err();
  return SlotChannel(std::move(pair).Value(), row);
}

// What the row says is true as long as nobody else has it: right after the fork, or the exec, it has been made for.
SlotChannel::SlotChannel(SocketPair ends, WorkerRow& row)
    : ends_(std::move(ends)), row_(&row), given_(row.InProgress()) {}

SendResult SlotChannel::Send(std::span<Parcel> parcels) {
  std::array<OutMessage, kMaxBatch> messages;
  PF_CHECK(parcels.size() <= kMaxBatch, "more parcels than a batch");
  for (std::size_t i = 0; i < parcels.size(); ++i) {
    HandOver message{std::move(parcels[i])};
    Encode(message, g_encoded[i]);
    parcels[i] = std::move(message.parcel);
    messages[i] = OutMessage{g_encoded[i], parcels[i].fd.Get()};
  }
  const SendResult result = SendMessages(MasterEnd(), std::span(messages.data(), parcels.size()));
  Add(row_->handed_over, result.sent);
  given_ += result.sent;
  for (std::size_t i = 0; i < result.sent; ++i) parcels[i].fd.Reset();  // the channel has its own copy
  return result;
}

SendResult SlotChannel::Send(const ReopenLog& message) {
  std::string bytes;
  Encode(message, bytes);
  const OutMessage out{bytes, FdOf(message)};
  return SendMessages(MasterEnd(), std::span(&out, 1));
}

void SlotChannel::Nudge() {
  std::string bytes;
  preforkd::Encode(preforkd::Nudge{}, bytes);
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
        DecodeForWorker(std::span(g_packet.data(), packet.size), std::move(packet.fd));
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

bool SlotChannel::MayHandBack() {
  finished_ = std::max(finished_, Get(row_->finished) + Get(row_->lost));
  return given_ > finished_;
}

void SlotChannel::BeginAnew(std::uint64_t untaken) {
  given_ = untaken;
  finished_ = 0;
}

}  // namespace preforkd
