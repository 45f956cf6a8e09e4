#include "tests/support/notify_socket.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "common/net/address.h"
#include "tests/support/wait_until.h"

namespace preforkd::testing {

std::optional<std::string> Notice::Value(const std::string& name) const {
  const std::string head = name + "=";
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    if (text.compare(start, head.size(), head) == 0)
      return text.substr(start + head.size(), end - start - head.size());
    start = end + 1;
  }
  return std::nullopt;
}

NotifySocket::NotifySocket(bool abstract) : name_((abstract ? "@" : "") + folder_.Path("notify")) {
  const SocketAddress address = ParseListenAddress("unix:" + name_).Value().address;
  fd_ = UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (!fd_.Valid() || ::setsockopt(fd_.Get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
      ::bind(fd_.Get(), address.Get(), address.length) < 0) {
    throw std::runtime_error("a notify socket could not be made");
  }
}

std::optional<Notice> NotifySocket::Receive() {
  std::array<char, 4096> buffer;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> control{};
  iovec part{buffer.data(), buffer.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t size = ::recvmsg(fd_.Get(), &message, MSG_CMSG_CLOEXEC);
  if (size < 0) return std::nullopt;
  Notice notice;
  notice.text.assign(buffer.data(), static_cast<std::size_t>(size));
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_type == SCM_CREDENTIALS) {
    ucred credentials{};
    std::memcpy(&credentials, CMSG_DATA(header), sizeof(credentials));
    notice.sender = credentials.pid;
  }
  return notice;
}

std::optional<Notice> NotifySocket::Next() {
  std::optional<Notice> notice;
  (void)WaitUntil(kTimeout, [&] { return (notice = Receive()).has_value(); });
  return notice;
}

std::vector<Notice> NotifySocket::Waiting() {
  std::vector<Notice> notices;
  while (std::optional<Notice> notice = Receive()) notices.push_back(*std::move(notice));
  return notices;
}

}  // namespace preforkd::testing
