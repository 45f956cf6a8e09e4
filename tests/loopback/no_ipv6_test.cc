// Listeners on a kernel without IPv6: a system-call filter plays it, in a process of its own.
#include <doctest/doctest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <string>

#include "common/net/address.h"
#include "common/net/socket_ops.h"
#include "tests/support/fork_peer.h"

namespace preforkd::testing {
namespace {

// From now on socket(AF_INET6, ...) fails as in such a kernel.
bool LoseIpv6() {
  constexpr auto kNumber = static_cast<std::uint32_t>(offsetof(seccomp_data, nr));
  constexpr auto kFamily = static_cast<std::uint32_t>(offsetof(seccomp_data, args));
  std::array<sock_filter, 6> program{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kNumber),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kFamily),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog filter{program.size(), program.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

enum Outcome { kBound = 0, kNoFilter, kRefused, kOtherFamily };

int BindWithoutIpv6(const std::string& text, sa_family_t expected) {
  if (!LoseIpv6()) return kNoFilter;
  const Result<UniqueFd> socket = BindSocket(ParseListenAddress(text).Value(), {});
  if (!socket.Ok()) return kRefused;
  const Result<SocketAddress> local = LocalAddress(socket.Value().Get());
  return local.Ok() && local.Value().Family() == expected ? kBound : kOtherFamily;
}

}  // namespace

TEST_CASE("without IPv6, a listener for both families has those of IPv4") {
  CHECK(RunPeer([] { return BindWithoutIpv6(":0", AF_INET); }).code == kBound);
}

TEST_CASE("without IPv6, an address of it is still refused") {
  CHECK(RunPeer([] { return BindWithoutIpv6("[::]:0", AF_INET6); }).code == kRefused);
  CHECK(RunPeer([] { return BindWithoutIpv6("127.0.0.1:0", AF_INET); }).code == kBound);
}

}  // namespace preforkd::testing
