// The header of the PROXY protocol, versions 1 and 2 (haproxy.org, proxy-protocol.txt): who the client is, as
// the proxy in front of us knows it. Pure.
//
// Strict, because whoever can forge it is believed to be somebody else: what is not exactly the protocol is
// broken.
#ifndef PREFORKD_WORKER_PROXY_PROXY_HEADER_H_
#define PREFORKD_WORKER_PROXY_PROXY_HEADER_H_

#include <cstddef>
#include <optional>
#include <string_view>

#include "common/net/address.h"

namespace preforkd {

// Version 2: 16 bytes, and as many as its 16-bit length says.
inline constexpr std::size_t kMaxProxyHeader = 16 + 65535;

struct ProxyHeader {
  enum class Kind {
    kNeedMore,  // what is there may be the beginning of one
    kComplete,
    kBroken,  // `error` says what is wrong
  };
  Kind kind = Kind::kNeedMore;
  std::size_t size = 0;  // kComplete: bytes that are the header; the client's follow
  // kComplete: the client. None: the connection's own peer is who it is (UNKNOWN, LOCAL, no stream socket's
  // address).
  std::optional<SocketAddress> client;
  const char* error = "";
};

// `bytes`: everything that has been received on the connection so far.
ProxyHeader ParseProxyHeader(std::string_view bytes);

}  // namespace preforkd

#endif
