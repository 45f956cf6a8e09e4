// Fuzz target: any bytes and descriptors that arrive on a channel, in either direction, are decoded or
// refused. A decoded message is exactly one that an encoder makes, and no descriptor leaks.
//
// The first byte of an input selects the receiver (bit 0) and the number of descriptors (the other bits).
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/channel/fd_message.h"
#include "common/wire/codec.h"
#include "tests/support/parcels.h"

namespace preforkd::testing {
namespace {

constexpr std::size_t kMaxDescriptors = 20;

int LowestFree() {
  const UniqueFd probe(::fcntl(0, F_DUPFD_CLOEXEC, 0));
  return probe.Get();
}

// Any packet that a peer could send, valid or not.
void SendRaw(int channel, std::string_view bytes, std::size_t descriptors) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxDescriptors * sizeof(int))> control{};
  iovec vector{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr header{};
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  if (descriptors > 0) {
    const std::vector<int> fds(descriptors, 0);
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(descriptors * sizeof(int));
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(descriptors * sizeof(int));
    std::copy(fds.begin(), fds.end(), reinterpret_cast<int*>(CMSG_DATA(rights)));
  }
  PF_CHECK(::sendmsg(channel, &header, MSG_NOSIGNAL) >= 0, "the fuzzer cannot send");
}

// Encodes a decoded message again. The master keeps a hand-back packed, as the hand-over that it becomes.
template <typename Message>
std::string Encoded(Message& message) {
  std::string bytes;
  if constexpr (std::is_same_v<Message, HandedBack>) {
    HandBack same{message.id, message.reason, message.wake_now, message.idle_left_ns,
                  Unpack(std::move(message.parcel))};
    Encode(same, bytes, kWireVersion);
  } else {
    Encode(message, bytes, kWireVersion);
  }
  return bytes;
}

template <typename Decoded>
void CheckCanonical(Decoded& decoded, std::string_view bytes) {
  if (!decoded.Ok()) return;
  const std::string again = std::visit([](auto& message) { return Encoded(message); }, decoded.Value());
  PF_CHECK(again == bytes, "a message was accepted that no encoder makes");
}

void Receive(int channel, bool is_master) {
  static std::array<char, kMaxMessageBytes> buffer;
  ReceiveResult packet = ReceiveMessage(channel, buffer);
  if (packet.outcome != ReceiveOutcome::kMessage) return;
  const std::string bytes(buffer.data(), packet.size);
  const std::span<const char> view(buffer.data(), packet.size);
  if (is_master) {
    auto decoded = DecodeForMaster(view, std::move(packet.fd), kWireVersion, std::move(packet.second));
    CheckCanonical(decoded, bytes);
  } else {
    auto decoded = DecodeForWorker(view, std::move(packet.fd), kWireVersion, std::move(packet.second));
    CheckCanonical(decoded, bytes);
  }
}

}  // namespace
}  // namespace preforkd::testing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace preforkd;
  using namespace preforkd::testing;
  if (size == 0) return 0;
  const std::size_t descriptors = (data[0] >> 1) % (kMaxDescriptors + 1);
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const int before = LowestFree();
  {
    Result<SocketPair> pair = MakeChannelPair();
    PF_CHECK(pair.Ok(), "the fuzzer has no channel");
    SendRaw(pair.Value().first.Get(), bytes, descriptors);
    Receive(pair.Value().second.Get(), (data[0] & 1) != 0);
  }
  PF_CHECK(LowestFree() == before, "a descriptor was left behind");
  return 0;
}
