// ReadClientHello: what a gate must know of a ClientHello (RFC 8446, 4.1.2) and GnuTLS does not tell. Pure:
// the message in, values out. It refuses nothing: GnuTLS, which reads the same bytes, does.
#ifndef PREFORKD_WORKER_GATE_CLIENT_HELLO_H_
#define PREFORKD_WORKER_GATE_CLIENT_HELLO_H_

#include <cstdint>
#include <span>

namespace preforkd {

struct ClientHello {
  // It speaks TLS 1.3 and offers a ticket of a session of TLS 1.2.
  bool offers_old_ticket = false;
  // Of the suites that we have it names one with ChaCha20 first: its processor has no AES.
  bool prefers_chacha = false;
  // record_size_limit (RFC 8449): bytes of plaintext in a record, in TLS 1.3 with the content type. 0: not
  // sent.
  std::uint16_t record_size_limit = 0;
};

// `message`: without its header of four bytes.
ClientHello ReadClientHello(std::span<const unsigned char> message);

}  // namespace preforkd

#endif
