#include "worker/connection/client_socket.h"

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace preforkd {
namespace {

// Performs one system call on a non-blocking socket; retries on EINTR.
template <typename Call>
IoResult Perform(Call call) {
  ssize_t size = 0;
  do {
    size = call();
  } while (size < 0 && errno == EINTR);
  if (size > 0) return {IoResult::Kind::kDone, static_cast<std::size_t>(size), 0};
  if (size == 0) return {IoResult::Kind::kEnd, 0, 0};
  if (errno == EAGAIN) return {IoResult::Kind::kAgain, 0, 0};
  return {IoResult::Kind::kError, 0, errno};
}

}  // namespace

ClientSocket::ClientSocket(WorkerEnv& env, Parcel parcel, FdWatch::Callback on_ready)
    : env_(env),
      parcel_(std::move(parcel)),
      watch_(env.loop, parcel_.fd.Get(), EventLoop::kPriorityClient, std::move(on_ready)) {}

// MSG_DONTWAIT here and below: another process that had the socket may have cleared O_NONBLOCK.
IoResult ClientSocket::Receive(std::span<char> into) {
  const IoResult result =
      Perform([&] { return ::recv(parcel_.fd.Get(), into.data(), into.size(), MSG_DONTWAIT); });
  parcel_.bytes_in += result.size;
  Add(env_.row.bytes_in, result.size);
  return result;
}

IoResult ClientSocket::Send(std::string_view bytes, bool more_follows) {
  const int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (more_follows ? MSG_MORE : 0);
  const IoResult result =
      Perform([&] { return ::send(parcel_.fd.Get(), bytes.data(), bytes.size(), flags); });
  parcel_.bytes_out += result.size;
  Add(env_.row.bytes_out, result.size);
  return result;
}

IoResult ClientSocket::SendFile(int file, off_t& offset, std::size_t count) {
  const IoResult result = Perform([&] { return ::sendfile(parcel_.fd.Get(), file, &offset, count); });
  parcel_.bytes_out += result.size;
  Add(env_.row.bytes_out, result.size);
  return result;
}

std::uint64_t ClientSocket::Unacknowledged() const {
  int count = 0;
  return ::ioctl(parcel_.fd.Get(), SIOCOUTQ, &count) == 0 && count > 0 ? static_cast<std::uint64_t>(count)
                                                                       : 0;
}

void ClientSocket::HalfClose() {
  // ENOTCONN: the client has disconnected; the next read reports it.
  (void)::shutdown(parcel_.fd.Get(), SHUT_WR);
}

bool ClientSocket::HasInput() const {
  int count = 0;
  return ::ioctl(parcel_.fd.Get(), FIONREAD, &count) == 0 && count > 0;
}

bool ClientSocket::PeerHasLeft() const {
  pollfd socket{parcel_.fd.Get(), POLLRDHUP, 0};
  return ::poll(&socket, 1, 0) > 0;
}

Parcel ClientSocket::Take() {
  watch_.Stop();
  return std::move(parcel_);
}

}  // namespace preforkd
