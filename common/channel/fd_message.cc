#include "common/channel/fd_message.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "common/base/check.h"
#include "common/base/sys_error.h"

namespace preforkd {
namespace {

// Aligned room for the control data of our messages. As many bytes as for one descriptor, on 64 bits.
union FewFdControl {
  cmsghdr align;
  char bytes[CMSG_SPACE(2 * sizeof(int))];
};

// Room for more descriptors than we ever send: a lying peer is then detected instead of truncated.
union ManyFdControl {
  cmsghdr align;
  char bytes[CMSG_SPACE(16 * sizeof(int))];
};

SendOutcome OutcomeOf(int errnum) {
  switch (errnum) {
    case EAGAIN:
    case ENOBUFS:
    case ENOMEM: return SendOutcome::kFull;
    case ETOOMANYREFS: return SendOutcome::kTooMany;
    case EPIPE:
    case ECONNRESET:
    case ENOTCONN:
    case ECONNREFUSED: return SendOutcome::kGone;
    default: return SendOutcome::kRefused;
  }
}

void Fill(const OutMessage& message, mmsghdr& header, iovec& vector, FewFdControl& control) {
  PF_CHECK(!message.bytes.empty(), "an empty packet could not be told from end of file");
  vector.iov_base = const_cast<char*>(message.bytes.data());  // sendmsg only reads
  vector.iov_len = message.bytes.size();
  header = {};
  header.msg_hdr.msg_iov = &vector;
  header.msg_hdr.msg_iovlen = 1;
  PF_CHECK(message.fd >= 0 || message.second < 0, "a second descriptor without a first");
  if (message.fd < 0) return;
  const std::size_t size = (message.second < 0 ? 1 : 2) * sizeof(int);
  std::memset(&control, 0, sizeof(control));
  header.msg_hdr.msg_control = control.bytes;
  header.msg_hdr.msg_controllen = CMSG_SPACE(size);
  cmsghdr* rights = CMSG_FIRSTHDR(&header.msg_hdr);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(size);
  const std::array<int, 2> fds = {message.fd, message.second};
  std::memcpy(CMSG_DATA(rights), fds.data(), size);
}

struct Rights {
  std::array<UniqueFd, 2> fds;
  std::size_t count = 0;
  bool foreign = false;  // control data that is not SCM_RIGHTS
};

// Takes every descriptor of every control header: CMSG padding can hide one more than expected, and a
// descriptor that is not read is leaked.
Rights OwnAll(msghdr& header) {
  Rights rights;
  for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr;
       control = CMSG_NXTHDR(&header, control)) {
    if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) {
      rights.foreign = true;
      continue;
    }
    const std::size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(control) + i * sizeof(int), sizeof(int));
      UniqueFd owned(fd);
      if (rights.count < rights.fds.size()) rights.fds[rights.count] = std::move(owned);
      ++rights.count;
    }
  }
  return rights;
}

}  // namespace

Result<SocketPair> MakeChannelPair() {
  std::array<int, 2> fds{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()) < 0) {
    return SysError("socketpair");
  }
  return SocketPair{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

SendResult SendMessages(int channel, std::span<const OutMessage> messages) {
  PF_CHECK(messages.size() <= kMaxBatch, "more messages than a batch");
  std::array<mmsghdr, kMaxBatch> headers;
  std::array<iovec, kMaxBatch> vectors;
  std::array<FewFdControl, kMaxBatch> controls;
  for (std::size_t i = 0; i < messages.size(); ++i) Fill(messages[i], headers[i], vectors[i], controls[i]);

  SendResult result;
  while (result.sent < messages.size()) {
    const int sent =
        ::sendmmsg(channel, headers.data() + result.sent,
                   static_cast<unsigned>(messages.size() - result.sent), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      result.sent += static_cast<std::size_t>(sent);
    } else if (sent < 0 && errno != EINTR) {
      result.errnum = errno;
      result.outcome = OutcomeOf(result.errnum);
      return result;
    }
  }
  return result;
}

ReceiveResult ReceiveMessage(int channel, std::span<char> buffer) {
  iovec vector{buffer.data(), buffer.size()};
  ManyFdControl control;
  msghdr header{};
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  header.msg_control = control.bytes;
  header.msg_controllen = sizeof(control.bytes);

  ReceiveResult result;
  ssize_t size = 0;
  do {
    // MSG_DONTWAIT: O_NONBLOCK belongs to the open file, which a worker has too and could change.
    size = ::recvmsg(channel, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  } while (size < 0 && errno == EINTR);
  if (size < 0) {
    result.errnum = errno;
    result.outcome = result.errnum == EAGAIN       ? ReceiveOutcome::kEmpty
                     : result.errnum == ECONNRESET ? ReceiveOutcome::kEnd
                                                   : ReceiveOutcome::kError;
    return result;
  }

  Rights rights = OwnAll(header);
  const bool truncated = (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
  if (size == 0 && rights.count == 0 && !truncated) {
    result.outcome = ReceiveOutcome::kEnd;
    return result;
  }
  if (size == 0 || truncated || rights.count > rights.fds.size() || rights.foreign) {
    // Our control buffer holds more than two descriptors. So fewer *and* MSG_CTRUNC means that this process
    // has no free descriptor number (the kernel does not report EMFILE: unix(7)).
    result.fd_table_full = (header.msg_flags & MSG_CTRUNC) != 0 && rights.count < rights.fds.size();
    result.outcome = ReceiveOutcome::kBad;
    result.size = static_cast<std::size_t>(size);
    return result;
  }
  result.outcome = ReceiveOutcome::kMessage;
  result.size = static_cast<std::size_t>(size);
  result.fd = std::move(rights.fds[0]);
  result.second = std::move(rights.fds[1]);
  return result;
}

}  // namespace preforkd
