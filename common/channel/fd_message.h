// The one file that sends and receives control data (SCM_RIGHTS, unix(7)).
//
// Sockets are SOCK_SEQPACKET and non-blocking. Nothing here blocks or decides: the caller gets a named
// outcome for every answer of the kernel.
//
// Never read() or peek at a channel anywhere else: without a control buffer the kernel closes the descriptors
// of the message, and with MSG_PEEK it installs them twice.
#ifndef PREFORKD_COMMON_CHANNEL_FD_MESSAGE_H_
#define PREFORKD_COMMON_CHANNEL_FD_MESSAGE_H_

#include <cstddef>
#include <span>
#include <string_view>

#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace preforkd {

// Both ends of a new channel: SEQPACKET, non-blocking, close-on-exec.
struct SocketPair {
  UniqueFd first;
  UniqueFd second;
};
Result<SocketPair> MakeChannelPair();

enum class SendOutcome {
  kSent,
  kFull,     // EAGAIN, ENOBUFS: the queue of this channel has no room now
  kTooMany,  // ETOOMANYREFS: too many descriptors of this user are in flight; no channel has room now
  kGone,     // EPIPE, ECONNRESET, or shut down by us: nothing will be received any more
  kRefused,  // EMSGSIZE, EBADF, EPERM and any other errno: this message cannot be sent
};

struct OutMessage {
  std::string_view bytes;  // at least 1 byte: an empty packet looks like end of file
  int fd = -1;             // borrowed; -1 for none. The caller closes its copy after the send
  int second = -1;         // likewise; only beside `fd`
};

struct SendResult {
  std::size_t sent = 0;  // messages that are in the channel now; the rest were not touched
  SendOutcome outcome = SendOutcome::kSent;  // why it stopped; kSent when all were sent
  int errnum = 0;
};

// Sends in order, in as few sendmmsg(2) calls as possible. At most kMaxBatch messages.
inline constexpr std::size_t kMaxBatch = 64;
SendResult SendMessages(int channel, std::span<const OutMessage> messages);

enum class ReceiveOutcome {
  kMessage,
  kEmpty,  // EAGAIN
  kEnd,    // end of file, or ECONNRESET: the other end is closed or shut down
  kBad,    // a packet that no peer of ours sends: truncated, empty, or with more than two descriptors
  kError,  // a system call failed (ENOMEM...); nothing was received
};

struct ReceiveResult {
  ReceiveOutcome outcome = ReceiveOutcome::kEmpty;
  std::size_t size = 0;  // bytes, for kMessage and kBad
  UniqueFd fd;           // invalid when none came
  UniqueFd second;
  // With kBad: the kernel dropped a descriptor because this process has no free one.
  bool fd_table_full = false;
  int errnum = 0;
};

// Receives one packet into `buffer`. Owns every descriptor that arrives at once; surplus ones are closed.
ReceiveResult ReceiveMessage(int channel, std::span<char> buffer);

}  // namespace preforkd

#endif
