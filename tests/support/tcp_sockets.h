// The IPv4 TCP sockets of this machine, read from /proc/net/tcp (proc(5)).
#ifndef PREFORKD_TESTS_SUPPORT_TCP_SOCKETS_H_
#define PREFORKD_TESTS_SUPPORT_TCP_SOCKETS_H_

#include <cstdint>
#include <string>
#include <vector>

namespace preforkd::testing {

struct TcpSocket {
  std::uint16_t local_port = 0;
  std::uint16_t remote_port = 0;
  unsigned state = 0;               // TCP_LISTEN... of <netinet/tcp.h>
  std::uint64_t send_queue = 0;     // bytes that the peer's kernel has not acknowledged
  std::uint64_t receive_queue = 0;  // bytes that the program has not read
};

// Each socket once. One may be missing while others are opened and closed: read again before you rely on it.
std::vector<TcpSocket> TcpSockets();
// "127.0.0.1:8080": 8080.
std::uint16_t PortOf(const std::string& address);
// The connections of a server that a process may still have open: neither listening nor in TIME_WAIT.
std::vector<TcpSocket> LiveSockets(std::uint16_t local_port);

}  // namespace preforkd::testing

#endif
