// ChannelEnd: one end of a slot's channel that speaks messages instead of bytes. It knows which wire version
// is spoken there, and is the only place where packets are received and decoded. It decides nothing: the
// caller gets a named outcome.
//
// Borrows its descriptor. The master's SlotChannel owns both ends of a channel, a worker's MasterLink the one
// it has.
#ifndef PREFORKD_COMMON_CHANNEL_CHANNEL_END_H_
#define PREFORKD_COMMON_CHANNEL_CHANNEL_END_H_

#include <optional>
#include <string>

#include "common/channel/fd_message.h"
#include "common/wire/codec.h"

namespace preforkd {

enum class Heard {
  kMessage,
  kNothing,       // there is none now
  kEnd,           // the other side is gone or has shut down its side
  kNonsense,      // a packet that no peer of ours sends
  kNoDescriptor,  // the kernel has dropped the message's descriptor because this process has no room for one
  kError,         // the system refused; nothing was taken
};

template <typename Message>
struct Reception {
  Heard outcome = Heard::kNothing;
  std::optional<Message> message;  // with kMessage
  std::string why;                 // with kNonsense
  int errnum = 0;                  // with kError
};

class ChannelEnd {
 public:
  // Precondition: IsSpoken(version).
  ChannelEnd(int fd, WireVersion version) : fd_(fd), version_(version) {}

  [[nodiscard]] int Fd() const { return fd_; }
  [[nodiscard]] WireVersion Version() const { return version_; }

  // One packet each: in the master from a worker, in a worker from the master, and in the master what no
  // worker has taken, from the worker's end.
  [[nodiscard]] Reception<WorkerToMaster> ReceiveFromWorker() const;
  [[nodiscard]] Reception<MasterToWorker> ReceiveFromMaster() const;
  [[nodiscard]] Reception<Untaken> ReceiveUntaken() const;

  // Sends one message; its descriptor stays the caller's (FdOf). `scratch` is for the bytes of it.
  template <typename Message>
  SendResult Send(const Message& message, std::string& scratch) const {
    Encode(message, scratch, version_);
    const OutMessage out{scratch, FdOf(message)};
    return SendMessages(fd_, std::span(&out, 1));
  }

 private:
  int fd_;
  WireVersion version_;
};

}  // namespace preforkd

#endif
