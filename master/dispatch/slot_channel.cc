#include "master/dispatch/slot_channel.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/sys_error.h"
#include "common/net/socket_ops.h"
#include "master/dispatch/connection_seals.h"

namespace preforkd {
namespace {

HandOverReason ReasonOf(const PackedParcel& parcel) {
  const ParcelHead head = parcel.Head();
  if (head.reclaims > 0) return HandOverReason::kReclaimed;
  return head.journeys > 0 ? HandOverReason::kReturned : HandOverReason::kAccepted;
}

}  // namespace

Result<SlotChannel> SlotChannel::Create(Ledger& ledger, WorkerRow& row, WireVersion version) {
  Result<SocketPair> pair = MakeChannelPair();
  if (!pair.Ok()) return pair.Err();
  return SlotChannel(std::move(pair).Value(), ledger, row, version);
}

SlotChannel SlotChannel::Restore(SocketPair ends, Ledger& ledger, WorkerRow& row, const RowMirror& mirror,
                                 WireVersion version, bool shut) {
  SlotChannel channel(std::move(ends), ledger, row, version);
  channel.mirror_ = &mirror;
  channel.restored_ = true;
  channel.shut_ = shut;
  return channel;
}

// Only the master has written to these three counters so far: the worker is not forked yet, or it was forked
// by the previous program and uses a row of that program's scoreboard.
SlotChannel::SlotChannel(SocketPair ends, Ledger& ledger, WorkerRow& row, WireVersion version)
    : ends_(std::move(ends)),
      master_(ends_.first.Get(), version),
      worker_(ends_.second.Get(), version),
      ledger_(&ledger),
      row_(&row),
      cookie_(SocketCookie(MasterEnd())) {
  const std::uint64_t back = Get(row.reclaimed) + Get(row.handed_back);
  given_ = Get(row.handed_over) - std::min(Get(row.handed_over), back);
}

SendResult SlotChannel::Send(std::span<PackedParcel> parcels) {
  std::array<OutMessage, kMaxBatch> messages;
  PF_CHECK(parcels.size() <= kMaxBatch, "more parcels than a batch");
  for (std::size_t i = 0; i < parcels.size(); ++i) {
    ParcelHead head = parcels[i].Head();
    const std::uint64_t socket = head.seal != 0 ? head.seal : SocketCookie(parcels[i].fd.Get());
    head.seal = SealOf(head, socket, cookie_);
    parcels[i].SetHead(head);
    parcels[i].Address(master_.Version());
    const std::span<const char> bytes = parcels[i].Message();
    messages[i] = OutMessage{{bytes.data(), bytes.size()}, parcels[i].fd.Get(), parcels[i].heavy.Get()};
  }
  Ledger::HandOver hand_over(*ledger_, *row_, parcels.size());
  const SendResult result = SendMessages(MasterEnd(), std::span(messages.data(), parcels.size()));
  given_ += result.sent;
  for (std::size_t i = 0; i < result.sent; ++i) {
    hand_over.Sent(ReasonOf(parcels[i]));
    parcels[i].fd.Reset();  // the message holds its own references
    parcels[i].heavy.Reset();
  }
  for (PackedParcel& unsent : parcels.subspan(result.sent)) {
    unsent.Address(kWireVersion);
    unsent.Unseal();
  }
  return result;
}

SendResult SlotChannel::Send(const ReopenLog& message) {
  std::string bytes;
  return master_.Send(message, bytes);
}

void SlotChannel::Nudge() {
  std::string bytes;
  (void)master_.Send(preforkd::Nudge{}, bytes);  // if the channel is full, its worker is woken anyway
}

std::size_t SlotChannel::Reclaim(std::vector<PackedParcel>& parcels) {
  std::vector<ReopenLog> log_files;
  const std::size_t count = ReceiveUntaken(parcels, log_files);
  given_ -= std::min<std::uint64_t>(given_, count);
  ledger_->Reclaimed(*row_, count);
  for (const PackedParcel& parcel : std::span(parcels).last(count)) ledger_->ClientBack(parcel.Id());
  for (const ReopenLog& log_file : log_files) {
    if (Send(log_file).outcome == SendOutcome::kSent) continue;
    log::Warning({log::kLogReopenFailed, {{"worker_inc", log_file.incarnation}}},
                 "the worker of incarnation {} keeps writing to the old log file", Raw(log_file.incarnation));
  }
  return count;
}

std::size_t SlotChannel::ReceiveUntaken(std::vector<PackedParcel>& parcels,
                                        std::vector<ReopenLog>& log_files) {
  std::size_t count = 0;
  drained_ = false;
  for (;;) {
    // Check for free descriptors by allocating them: the only test that does not depend on what else this
    // process has open. A heavy connection has two.
    UniqueFd probe(::fcntl(MasterEnd(), F_DUPFD_CLOEXEC, 0));
    UniqueFd second(::fcntl(MasterEnd(), F_DUPFD_CLOEXEC, 0));
    if (!probe.Valid() || !second.Valid()) return count;
    probe.Reset();
    second.Reset();
    Reception<Untaken> reception = worker_.ReceiveUntaken();
    switch (reception.outcome) {
      case Heard::kMessage: break;
      case Heard::kNothing:
      case Heard::kEnd: drained_ = true; return count;
      case Heard::kError: return count;
      case Heard::kNoDescriptor:  // between the probes and this, the system has run out of files
        if (reception.lost) ledger_->ClientEnded(*reception.lost);
        [[fallthrough]];
      case Heard::kNonsense:
        log::Alert(log::kChannelBroken, "a message sent by the master came back damaged from the channel: {}",
                   reception.why);
        continue;
    }
    if (auto* parcel = std::get_if<PackedParcel>(&*reception.message)) {
      ParcelHead head = parcel->Head();
      CountReclaim(head);
      head.seal = 0;
      parcel->SetHead(head);
      parcels.push_back(std::move(*parcel));
      ++count;
    } else if (auto* reopen = std::get_if<ReopenLog>(&*reception.message)) {
      log_files.push_back(std::move(*reopen));
    }
  }
}

void SlotChannel::CloseOurSide() {
  shut_ = true;
  // ENOTCONN is impossible while the master holds both ends. A second attempt is cheap: a worker that is not
  // told keeps the next reload waiting, until it is killed after its timeout.
  if (::shutdown(MasterEnd(), SHUT_WR) < 0 && ::shutdown(MasterEnd(), SHUT_WR) < 0)
    log::Error(log::kWorkerUntold, "cannot tell a worker to retire: {}", SysError("shutdown").text);
}

void SlotChannel::CountReturned(ReturnReason reason) {
  ledger_->Returned(*row_, reason);
  given_ -= std::min<std::uint64_t>(given_, 1);
}

bool SlotChannel::Knows(PackedParcel& parcel) const {
  ParcelHead head = parcel.Head();
  const std::uint64_t socket = SocketCookie(parcel.fd.Get());
  // 0: not a socket. Another socket never has the same number, whatever a worker opens.
  if (socket == 0 || !IsSealed(head, socket)) return false;
  head.seal = socket;
  parcel.SetHead(head);
  return true;
}

bool SlotChannel::IsSealed(ParcelHead head, std::uint64_t socket) const {
  if (head.seal == SealOf(head, socket, cookie_)) return true;
  // A gate returns a session for a handshake. No other worker is given a connection in that stage.
  if (TlsStage{head.tls} != TlsStage::kEstablished) return false;
  head.tls = static_cast<std::uint8_t>(TlsStage::kHandshakeDue);
  return head.seal == SealOf(head, socket, cookie_);
}

bool SlotChannel::MayHandBack() {
  finished_ = std::max(finished_, Get(Row().finished) + Get(Row().lost));
  return given_ > finished_;
}

void SlotChannel::StartIncarnation(std::uint64_t untaken) {
  given_ = untaken;
  finished_ = 0;
}

}  // namespace preforkd
