// Why a handshake failed: in a word for the metrics, and for a person who reads the log.
#ifndef PREFORKD_WORKER_GATE_HANDSHAKE_FAILURE_H_
#define PREFORKD_WORKER_GATE_HANDSHAKE_FAILURE_H_

#include <gnutls/gnutls.h>

#include <optional>
#include <string_view>

namespace preforkd {

// For the log and the metrics, from what gnutls_handshake(3) returned: "no_cipher". Static.
const char* CauseOf(int result);
// Of an alert by its number, which may be any byte that a client has sent. Static.
const char* NameOf(int alert);
// What to say about a client's certificate, from the status of its verification (RFC 8446, 6.2).
gnutls_alert_description_t AlertFor(unsigned status);
// The fatal alert with which the client has ended the handshake, if that is what happened. `taken` ends with
// the record that GnuTLS read last.
//
// An OpenSSL client of TLS 1.3 that refuses our certificate says so in plain text, for it has not changed its
// keys yet. GnuTLS cannot decrypt that, and an operator would look for a broken client.
std::optional<int> AlertOfClient(gnutls_session_t session, int result, std::string_view taken);

}  // namespace preforkd

#endif
