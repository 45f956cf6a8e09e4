#include "tests/support/tcp_sockets.h"

#include <netinet/tcp.h>

#include <cstdlib>
#include <map>
#include <sstream>
#include <utility>

#include "tests/support/temp_directory.h"

namespace preforkd::testing {
namespace {

// "0100007F:1F90": the number after the colon, or the one before it.
std::uint64_t Behind(const std::string& field) {
  return std::strtoull(field.c_str() + field.find(':') + 1, nullptr, 16);
}
std::uint64_t Before(const std::string& field) { return std::strtoull(field.c_str(), nullptr, 16); }

}  // namespace

std::vector<TcpSocket> TcpSockets() {
  // By both addresses: the kernel may list one twice while sockets are opened and closed.
  std::map<std::pair<std::string, std::string>, TcpSocket> sockets;
  std::istringstream lines(ReadFile("/proc/net/tcp"));
  std::string line;
  std::getline(lines, line);  // the heading
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    std::string number, local, remote, state, queues;
    fields >> number >> local >> remote >> state >> queues;
    sockets[{local, remote}] = {static_cast<std::uint16_t>(Behind(local)),
                                static_cast<std::uint16_t>(Behind(remote)),
                                static_cast<unsigned>(Before(state)), Before(queues), Behind(queues)};
  }
  std::vector<TcpSocket> found;
  for (const auto& [addresses, socket] : sockets) found.push_back(socket);
  return found;
}

std::uint16_t PortOf(const std::string& address) {
  return static_cast<std::uint16_t>(std::atoi(address.c_str() + address.rfind(':') + 1));
}

std::vector<TcpSocket> LiveSockets(std::uint16_t local_port) {
  std::vector<TcpSocket> sockets = TcpSockets();
  std::erase_if(sockets, [&](const TcpSocket& socket) {
    return socket.local_port != local_port || socket.state == TCP_LISTEN || socket.state == TCP_TIME_WAIT;
  });
  return sockets;
}

}  // namespace preforkd::testing
