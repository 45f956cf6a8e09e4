// The one receiver of descriptors, against peers that send what ours never would. After each case the
// process has the descriptors that it had before.
#include "common/channel/fd_message.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "tests/support/fd_snapshot.h"
#include "tests/support/fork_peer.h"

namespace preforkd::testing {
namespace {

SocketPair MakePair() {
  Result<SocketPair> pair = MakeChannelPair();
  REQUIRE(pair.Ok());
  return std::move(pair).Value();
}

// Control headers as a hostile peer would write them.
struct RawControl {
  int type = SCM_RIGHTS;
  std::vector<int> fds;
};

// sendmsg(2) with exactly these control headers, by hand.
ssize_t SendRaw(int channel, std::string_view bytes, const std::vector<RawControl>& controls) {
  alignas(cmsghdr) std::array<char, 2048> buffer{};
  std::size_t used = 0;
  for (const RawControl& control : controls) {
    const ucred credentials{::getpid(), ::getuid(), ::getgid()};
    const bool rights = control.type == SCM_RIGHTS;
    const std::size_t size = rights ? control.fds.size() * sizeof(int) : sizeof(credentials);
    auto* header = reinterpret_cast<cmsghdr*>(buffer.data() + used);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = control.type;
    header->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(header), rights ? static_cast<const void*>(control.fds.data()) : &credentials,
                size);
    used += CMSG_SPACE(size);
  }
  iovec vector{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = used > 0 ? buffer.data() : nullptr;
  message.msg_controllen = used;
  return ::sendmsg(channel, &message, MSG_NOSIGNAL);
}

SendResult SendOne(int channel, std::string_view bytes, int fd = -1) {
  const OutMessage message{bytes, fd};
  return SendMessages(channel, std::span(&message, 1));
}

class Ends {
 public:
  Ends() : before_(FdSnapshot::OfSelf()), pair_(MakePair()) {}
  ~Ends() {
    pair_ = {};
    CHECK(FdSnapshot::OfSelf() == before_);
  }

  [[nodiscard]] int Out() const { return pair_.first.Get(); }
  [[nodiscard]] int In() const { return pair_.second.Get(); }
  ReceiveResult Receive() { return ReceiveMessage(In(), buffer_); }
  [[nodiscard]] std::string_view Bytes(const ReceiveResult& result) const {
    return {buffer_.data(), result.size};
  }

 private:
  FdSnapshot before_;
  SocketPair pair_;
  std::array<char, 4096> buffer_{};
};

}  // namespace

TEST_CASE("a message with a descriptor arrives whole; its copy is close-on-exec and the same file") {
  Ends ends;
  std::array<int, 2> pipe{};
  REQUIRE(::pipe2(pipe.data(), O_CLOEXEC) == 0);
  const UniqueFd out(pipe[0]);
  const UniqueFd in(pipe[1]);
  REQUIRE(SendOne(ends.Out(), "take this", in.Get()).sent == 1);
  const ReceiveResult result = ends.Receive();
  REQUIRE(result.outcome == ReceiveOutcome::kMessage);
  CHECK(ends.Bytes(result) == "take this");
  CHECK((::fcntl(result.fd.Get(), F_GETFD) & FD_CLOEXEC) != 0);
  REQUIRE(::write(result.fd.Get(), "x", 1) == 1);
  char byte = 0;
  CHECK(::read(out.Get(), &byte, 1) == 1);
}

TEST_CASE("messages keep their order and their edges, with and without descriptors") {
  Ends ends;
  const std::vector<OutMessage> messages = {{"one", 0}, {"two", -1}, {"three", 1}};
  CHECK(SendMessages(ends.Out(), messages).sent == 3);
  for (const OutMessage& message : messages) {
    const ReceiveResult result = ends.Receive();
    CHECK(ends.Bytes(result) == message.bytes);
    CHECK(result.fd.Valid() == (message.fd >= 0));
  }
  CHECK(ends.Receive().outcome == ReceiveOutcome::kEmpty);
}

TEST_CASE("a second descriptor comes with the first, in their order") {
  Ends ends;
  std::array<int, 2> pipe{};
  REQUIRE(::pipe2(pipe.data(), O_CLOEXEC) == 0);
  const UniqueFd out(pipe[0]);
  const UniqueFd in(pipe[1]);
  const std::vector<OutMessage> messages = {{"both", in.Get(), out.Get()}, {"one", 0}};
  REQUIRE(SendMessages(ends.Out(), messages).sent == 2);
  const ReceiveResult both = ends.Receive();
  REQUIRE(both.outcome == ReceiveOutcome::kMessage);
  CHECK((::fcntl(both.second.Get(), F_GETFD) & FD_CLOEXEC) != 0);
  REQUIRE(::write(both.fd.Get(), "x", 1) == 1);
  char byte = 0;
  CHECK(::read(both.second.Get(), &byte, 1) == 1);
  CHECK_FALSE(ends.Receive().second.Valid());
}

TEST_CASE("more than two descriptors: refused, and all of them closed") {
  Ends ends;
  for (const std::size_t count : {3U, 4U, 16U}) {
    REQUIRE(SendRaw(ends.Out(), "many", {{SCM_RIGHTS, std::vector<int>(count, 0)}}) == 4);
    CHECK(ends.Receive().outcome == ReceiveOutcome::kBad);
  }
  REQUIRE(SendOne(ends.Out(), "well", 0).sent == 1);
  CHECK(ends.Receive().outcome == ReceiveOutcome::kMessage);
}

TEST_CASE("more descriptors than there is room for: refused, those that came are closed") {
  Ends ends;
  REQUIRE(SendRaw(ends.Out(), "too many", {{SCM_RIGHTS, std::vector<int>(100, 0)}}) == 8);
  const ReceiveResult result = ends.Receive();
  CHECK(result.outcome == ReceiveOutcome::kBad);
  CHECK_FALSE(result.fd_table_full);
}

TEST_CASE("several control headers: refused, and all of them are read") {
  Ends ends;
  REQUIRE(SendRaw(ends.Out(), "two", {{SCM_RIGHTS, {0}}, {SCM_RIGHTS, {1, 2}}}) == 3);
  CHECK(ends.Receive().outcome == ReceiveOutcome::kBad);
  const int on = 1;
  REQUIRE(::setsockopt(ends.In(), SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0);
  REQUIRE(SendRaw(ends.Out(), "mixed", {{SCM_RIGHTS, {0}}, {SCM_CREDENTIALS, {}}}) == 5);
  CHECK(ends.Receive().outcome == ReceiveOutcome::kBad);
}

TEST_CASE("control data of another type is refused") {
  Ends ends;
  const int on = 1;
  REQUIRE(::setsockopt(ends.In(), SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0);
  REQUIRE(SendRaw(ends.Out(), "creds", {{SCM_CREDENTIALS, {}}}) == 5);
  CHECK(ends.Receive().outcome == ReceiveOutcome::kBad);
}

TEST_CASE("a message longer than the buffer is refused with its descriptor; the next one is whole") {
  Ends ends;
  const std::string longer(5000, 'x');
  REQUIRE(SendRaw(ends.Out(), longer, {{SCM_RIGHTS, {0}}}) == 5000);
  REQUIRE(SendOne(ends.Out(), "short").sent == 1);
  CHECK(ends.Receive().outcome == ReceiveOutcome::kBad);
  const ReceiveResult next = ends.Receive();
  CHECK(next.outcome == ReceiveOutcome::kMessage);
  CHECK(ends.Bytes(next) == "short");
}

TEST_CASE("an empty packet with a descriptor is refused; without one it is the end") {
  Ends ends;
  REQUIRE(SendRaw(ends.Out(), "", {{SCM_RIGHTS, {0}}}) == 0);
  CHECK(ends.Receive().outcome == ReceiveOutcome::kBad);
}

TEST_CASE("end of file, and a closed peer") {
  Ends ends;
  REQUIRE(SendOne(ends.Out(), "last message", 0).sent == 1);
  REQUIRE(::shutdown(ends.Out(), SHUT_WR) == 0);
  CHECK(ends.Receive().outcome == ReceiveOutcome::kMessage);
  CHECK(ends.Receive().outcome == ReceiveOutcome::kEnd);
  CHECK(SendOne(ends.Out(), "too late").outcome == SendOutcome::kGone);
  CHECK(SendOne(ends.In(), "the way back is open").outcome == SendOutcome::kSent);
}

TEST_CASE("a full channel takes no more, reports that, and has lost nothing") {
  Ends ends;
  const std::string bytes(1000, 'x');
  const std::vector<OutMessage> batch(kMaxBatch, OutMessage{bytes, 0});
  std::size_t sent = 0;
  SendResult result;
  while (result.outcome == SendOutcome::kSent) {
    result = SendMessages(ends.Out(), batch);
    sent += result.sent;
    REQUIRE(sent < 100000);
  }
  CHECK(result.outcome == SendOutcome::kFull);
  std::size_t received = 0;
  while (ends.Receive().outcome == ReceiveOutcome::kMessage) ++received;
  CHECK(received == sent);
  CHECK(SendOne(ends.Out(), "room again", 0).outcome == SendOutcome::kSent);
}

TEST_CASE("an invalid descriptor cannot be sent; the messages before it in the batch are sent") {
  Ends ends;
  const std::vector<OutMessage> messages = {{"good", 0}, {"bad", 1000000}, {"good", 0}};
  const SendResult result = SendMessages(ends.Out(), messages);
  CHECK(result.sent == 1);
  CHECK(result.outcome == SendOutcome::kRefused);
}

TEST_CASE("a receiver with a full descriptor table is told so, and gets no descriptor") {
  enum { kNotBad = 1, kNotNamed, kLeaked, kNoPair, kNotAgain, kNotRead };
  const PeerResult result = RunPeer([] {
    Result<SocketPair> pair = MakeChannelPair();
    if (!pair.Ok() || SendOne(pair.Value().first.Get(), "no room", 0).sent != 1) return int{kNoPair};
    if (SendOne(pair.Value().first.Get(), "room", 0).sent != 1) return int{kNoPair};
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const FdSnapshot open_now = FdSnapshot::OfSelf();
    rlimit limit = before;
    limit.rlim_cur = 0;  // no number is free below it
    ::setrlimit(RLIMIT_NOFILE, &limit);
    std::array<char, 100> buffer{};
    const ReceiveResult full = ReceiveMessage(pair.Value().second.Get(), buffer);
    ::setrlimit(RLIMIT_NOFILE, &before);
    if (full.outcome != ReceiveOutcome::kBad) return int{kNotBad};
    if (!full.fd_table_full) return int{kNotNamed};
    if (std::string_view(buffer.data(), full.size) != "no room") return int{kNotRead};
    if (!(FdSnapshot::OfSelf() == open_now)) return int{kLeaked};
    const ReceiveResult again = ReceiveMessage(pair.Value().second.Get(), buffer);
    return again.outcome == ReceiveOutcome::kMessage && again.fd.Valid() ? 0 : int{kNotAgain};
  });
  CHECK_MESSAGE(result.Ok(), result.Text());
}

}  // namespace preforkd::testing
