// The header of the PROXY protocol, versions 1 and 2 (haproxy.org, proxy-protocol.txt). It carries the
// client's address as seen by the proxy in front of us. Pure.
//
// Strict, because a forged header makes one client look like another: anything that does not exactly follow
// the protocol is refused.
#ifndef PREFORKD_WORKER_PROXY_PROXY_HEADER_H_
#define PREFORKD_WORKER_PROXY_PROXY_HEADER_H_

#include <cstddef>
#include <optional>
#include <string_view>

#include "common/net/address.h"

namespace preforkd {

// Version 2: 16 bytes plus a length of 16 bits.
inline constexpr std::size_t kMaxProxyHeader = 16 + 65535;

struct ProxyHeader {
  enum class Kind {
    kNeedMore,  // the bytes may be the start of a header
    kComplete,
    kBroken,  // `error` is the reason
  };
  Kind kind = Kind::kNeedMore;
  std::size_t size = 0;  // kComplete: size of the header in bytes; client data follows it
  // kComplete: the client's address. Unset: use the connection's own peer (UNKNOWN, LOCAL, or not a stream
  // socket).
  std::optional<SocketAddress> client;
  const char* error = "";
};

// `bytes`: everything received on the connection so far.
ProxyHeader ParseProxyHeader(std::string_view bytes);

}  // namespace preforkd

#endif
