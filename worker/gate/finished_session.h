// What a session of GnuTLS's says when its handshake is over: the state of its records, which a worker goes
// on with, and facts about it. Only reads the session.
#ifndef PREFORKD_WORKER_GATE_FINISHED_SESSION_H_
#define PREFORKD_WORKER_GATE_FINISHED_SESSION_H_

#include <gnutls/gnutls.h>

#include <cstddef>
#include <string>

#include "common/base/result.h"
#include "common/base/secret_bytes.h"
#include "common/tls/record_state.h"
#include "common/tls/tls_facts.h"

namespace preforkd {

// Of TLS 1.3 (RFC 8446, 7.1), which GnuTLS tells once, during the handshake.
struct TrafficSecrets {
  SecretBytes client;
  SecretBytes server;
};

// `size_limit`: the record_size_limit of the client's hello (RFC 8449); 0: it has none. Error: a session that
// our record layer cannot go on with.
Result<tls::RecordState> RecordStateOf(gnutls_session_t session, std::size_t size_limit,
                                       const TrafficSecrets& secrets);
// Throws std::bad_alloc.
TlsFacts FactsOf(gnutls_session_t session, const tls::RecordState& state);
// The name that the client has asked for; empty: none. Also during the handshake.
std::string ServerNameOf(gnutls_session_t session);

}  // namespace preforkd

#endif
