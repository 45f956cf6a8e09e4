#include "master/workers/slots/worker_slot.h"

#include <utility>

#include "common/base/check.h"

namespace preforkd {

WorkerRow& WorkerSlot::Row() {
  if (mirror_ != nullptr) mirror_->Refresh();
  return row_;
}

void WorkerSlot::RefreshTexts() {
  if (mirror_ != nullptr) mirror_->RefreshTexts();
}

void WorkerSlot::SetNoSuccessor() {
  Set(row_.no_successor, 1);
  if (mirror_ != nullptr) mirror_->Board()->SetNoSuccessor(slot_);
}

void WorkerSlot::ForgetMirror() {
  if (channel_) channel_->ForgetMirror();
  mirror_.reset();
}

Status WorkerSlot::EnsureChannel(PoolId pool) {
  PF_CHECK(!channel_ || pool_ == pool, "a worker would get the channel of another pool");
  if (channel_) return {};
  Result<SlotChannel> channel = SlotChannel::Create(ledger_, row_, kWireVersion);
  if (!channel.Ok()) return channel.Err();
  channel_.emplace(std::move(channel).Value());
  pool_ = pool;
  return {};
}

void WorkerSlot::DropChannel() {
  PF_CHECK(!Running(), "the channel of a running worker was dropped");
  channel_.reset();
}

void WorkerSlot::TakeOver(Takeover takeover) {
  pool_ = takeover.pool;
  mirror_ = std::move(takeover.mirror);
  channel_ = SlotChannel::Restore(std::move(takeover.channel), ledger_, row_, *mirror_, takeover.version,
                                  takeover.shut);
}

void WorkerSlot::Occupy(std::unique_ptr<WorkerProcess> process) {
  PF_CHECK(process_ == nullptr, "two processes in one slot");
  process_ = std::move(process);
}

void WorkerSlot::Vacate() {
  PF_CHECK(process_ != nullptr && !process_->Running(), "a running worker was forgotten");
  process_.reset();
}

}  // namespace preforkd
