// ChannelEnd: one end of a slot's channel, which sends and receives messages instead of bytes. It knows the
// wire version of the channel, and is the only place where packets are received and decoded. It decides
// nothing: the caller gets a named outcome.
//
// Borrows its descriptor. The master's SlotChannel owns both ends of a channel; a worker's MasterLink owns
// the one that the worker has.
#ifndef PREFORKD_COMMON_CHANNEL_CHANNEL_END_H_
#define PREFORKD_COMMON_CHANNEL_CHANNEL_END_H_

#include <optional>
#include <string>

#include "common/channel/fd_message.h"
#include "common/wire/codec.h"

namespace preforkd {

enum class Heard {
  kMessage,
  kNothing,       // none is waiting
  kEnd,           // the other side is closed or shut down
  kNonsense,      // a packet that no peer of ours sends
  kNoDescriptor,  // the kernel dropped the message's descriptor because this process has no free one
  kError,         // a system call failed; nothing was received
};

template <typename Message>
struct Reception {
  Heard outcome = Heard::kNothing;
  std::optional<Message> message;  // with kMessage
  std::string why;                 // with kNonsense
  int errnum = 0;                  // with kError
  std::optional<ConnId> lost{};  // with kNoDescriptor: the connection whose descriptor it was, if it says so
};

class ChannelEnd {
 public:
  // Precondition: IsSpoken(version).
  ChannelEnd(int fd, WireVersion version) : fd_(fd), version_(version) {}

  [[nodiscard]] int Fd() const { return fd_; }
  [[nodiscard]] WireVersion Version() const { return version_; }

  // One packet each. The master calls ReceiveFromWorker, a worker ReceiveFromMaster. ReceiveUntaken is the
  // master's read of the worker's end: the messages that no worker has taken.
  [[nodiscard]] Reception<WorkerToMaster> ReceiveFromWorker() const;
  [[nodiscard]] Reception<MasterToWorker> ReceiveFromMaster() const;
  [[nodiscard]] Reception<Untaken> ReceiveUntaken() const;

  // Sends one message. The caller keeps its descriptors (FdOf, SecondFdOf) and closes them. `scratch` holds
  // the encoded bytes.
  template <typename Message>
  SendResult Send(const Message& message, std::string& scratch) const {
    Encode(message, scratch, version_);
    const OutMessage out{scratch, FdOf(message), SecondFdOf(message)};
    return SendMessages(fd_, std::span(&out, 1));
  }

 private:
  int fd_;
  WireVersion version_;
};

}  // namespace preforkd

#endif
