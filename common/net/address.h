// Addresses of listeners and peers. Plain values; no socket is used here.
#ifndef PREFORKD_COMMON_NET_ADDRESS_H_
#define PREFORKD_COMMON_NET_ADDRESS_H_

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace preforkd {

// A socket address of any family that we serve. Copyable, compared by its bytes.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;  // 0: unknown, or an unnamed Unix socket

  [[nodiscard]] const sockaddr* Get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] sockaddr* Get() { return reinterpret_cast<sockaddr*>(&storage); }
  [[nodiscard]] sa_family_t Family() const {
    return length == 0 ? sa_family_t{AF_UNSPEC} : storage.ss_family;
  }
  // Host byte order; 0 for families without ports.
  [[nodiscard]] std::uint16_t Port() const;
  // "127.0.0.1:80", "[::1]:80" (an IPv4-mapped address as IPv4), "unix:/path", "unix:@name", "unix:".
  [[nodiscard]] std::string Text() const;
  // The same without port and brackets; for a Unix socket "unix:" alone, since its name may be any bytes.
  // Writes as much as fits into `room` and returns the number of bytes. Allocates nothing.
  std::size_t PrintHost(std::span<char> room) const;

  bool operator==(const SocketAddress& other) const;
};

// The values of `listen`: `127.0.0.1:8080`, `[::]:8080`, `:8080` (all addresses of both families),
// `unix:/path`, `unix:@abstract`, `systemd:NAME`.
struct ListenAddress {
  enum class Kind { kTcp, kUnix, kSystemd };
  Kind kind = Kind::kTcp;
  SocketAddress address;    // kTcp and kUnix
  bool dual_stack = false;  // kTcp, `:PORT`: one IPv6 socket that also accepts IPv4
  std::string name;         // kUnix: the path, or "@name"; kSystemd: the name
  // As the user wrote it. Logs and metrics show it; a reload compares it.
  std::string text;

  // A Unix socket with a path: one that has a file.
  [[nodiscard]] bool HasFile() const { return kind == Kind::kUnix && !name.starts_with('@'); }

  bool operator==(const ListenAddress&) const = default;
};

// The error says what is wrong and what to write instead.
Result<ListenAddress> ParseListenAddress(std::string_view text);
// A Unix socket by its path, which may be relative to the working directory.
Result<ListenAddress> SocketPath(std::string_view path);

}  // namespace preforkd

#endif
