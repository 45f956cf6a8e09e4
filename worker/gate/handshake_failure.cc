#include "worker/gate/handshake_failure.h"

namespace preforkd {
namespace {

// A record with a fatal alert, in plain text: its header, the level, and which alert (RFC 8446, 5.1, 6).
constexpr std::string_view kFatalAlert("\x15\x03\x03\x00\x02\x02", 6);

}  // namespace

const char* CauseOf(int result) {
  switch (result) {
    case GNUTLS_E_PREMATURE_TERMINATION: return "client_left";
    case GNUTLS_E_NO_CIPHER_SUITES:
    case GNUTLS_E_INSUFFICIENT_CREDENTIALS: return "no_cipher";
    case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
    case GNUTLS_E_INAPPROPRIATE_FALLBACK: return "version";
    case GNUTLS_E_NO_APPLICATION_PROTOCOL: return "alpn";
    case GNUTLS_E_NO_COMMON_KEY_SHARE: return "no_curve";
    case GNUTLS_E_FATAL_ALERT_RECEIVED: return "alert";
    case GNUTLS_E_CERTIFICATE_ERROR:
    case GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR:
    case GNUTLS_E_CERTIFICATE_REQUIRED:
    case GNUTLS_E_NO_CERTIFICATE_FOUND: return "client_certificate";
    case GNUTLS_E_UNEXPECTED_PACKET:
    case GNUTLS_E_UNEXPECTED_PACKET_LENGTH:
    case GNUTLS_E_UNEXPECTED_HANDSHAKE_PACKET:
    case GNUTLS_E_UNEXPECTED_EXTENSIONS_LENGTH:
    case GNUTLS_E_RECEIVED_DISALLOWED_NAME:
    case GNUTLS_E_RECEIVED_ILLEGAL_PARAMETER:
    case GNUTLS_E_ILLEGAL_PARAMETER:
    case GNUTLS_E_MISSING_EXTENSION:
    case GNUTLS_E_HANDSHAKE_TOO_LARGE:
    case GNUTLS_E_DECRYPTION_FAILED:
    case GNUTLS_E_ERROR_IN_FINISHED_PACKET:
    case GNUTLS_E_PK_SIG_VERIFY_FAILED:
    case GNUTLS_E_GOT_APPLICATION_DATA:
    case GNUTLS_E_RECORD_OVERFLOW: return "protocol";
    default: return "other";
  }
}

gnutls_alert_description_t AlertFor(unsigned status) {
  if ((status & GNUTLS_CERT_REVOKED) != 0) return GNUTLS_A_CERTIFICATE_REVOKED;
  if ((status & GNUTLS_CERT_EXPIRED) != 0) return GNUTLS_A_CERTIFICATE_EXPIRED;
  if ((status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNER_NOT_CA)) != 0) return GNUTLS_A_UNKNOWN_CA;
  if ((status & GNUTLS_CERT_PURPOSE_MISMATCH) != 0) return GNUTLS_A_UNSUPPORTED_CERTIFICATE;
  return GNUTLS_A_BAD_CERTIFICATE;
}

const char* NameOf(int alert) {
  // The enumeration has no value of any number.
  const char* const name =
      alert > GNUTLS_A_MAX ? nullptr : gnutls_alert_get_name(static_cast<gnutls_alert_description_t>(alert));
  return name == nullptr ? "an alert of an unknown number" : name;
}

std::optional<int> AlertOfClient(gnutls_session_t session, int result, std::string_view taken) {
  if (result == GNUTLS_E_FATAL_ALERT_RECEIVED) return static_cast<int>(gnutls_alert_get(session));
  if (result != GNUTLS_E_DECRYPTION_FAILED || taken.size() <= kFatalAlert.size()) return std::nullopt;
  const std::string_view last = taken.substr(taken.size() - kFatalAlert.size() - 1);
  if (!last.starts_with(kFatalAlert)) return std::nullopt;
  return static_cast<unsigned char>(last.back());
}

}  // namespace preforkd
