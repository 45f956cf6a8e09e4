// Handshake: one TLS handshake, GnuTLS's, over memory: bytes in, bytes out, and the keys when it is done. It
// knows no socket and no clock, and reads not one byte behind the client's last record of the handshake.
//
// Why GnuTLS: a handshake costs 0.76 of nginx's CPU (OpenSSL 0.91), and gnutls_record_get_state(3) gives the
// state of the records, in both versions, as a public call.
#ifndef PREFORKD_WORKER_GATE_HANDSHAKE_H_
#define PREFORKD_WORKER_GATE_HANDSHAKE_H_

#include <array>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/secret_bytes.h"
#include "common/tls/tls_luggage.h"
#include "worker/gate/client_hello.h"
#include "worker/gate/finished_session.h"
#include "worker/gate/gate_settings.h"
#include "worker/gate/gnutls_handles.h"
#include "worker/gate/left_stack.h"

namespace preforkd {

class Handshake {
 public:
  enum class Step {
    kMore,    // needs more bytes of the client
    kDone,    // Take() the session, when Output() has been sent
    kFailed,  // send Output(), an alert, and close; Why() says what was wrong
  };

  // Throws std::bad_alloc. `settings` must outlive it.
  explicit Handshake(const GateSettings& settings);
  Handshake(const Handshake&) = delete;
  Handshake& operator=(const Handshake&) = delete;

  // Takes bytes that the client has sent, all of them. Not after kDone or kFailed. Throws what it cannot get
  // memory for; then the handshake cannot go on.
  Step Feed(std::span<const char> bytes);
  // Bytes for the client, in order; they stay until Sent() is called.
  [[nodiscard]] std::string_view Output() const { return std::string_view(output_).substr(sent_); }
  void Sent(std::size_t size);

  // After kFailed: short, for the log and the metrics: "no_cipher". Static.
  [[nodiscard]] const char* Why() const { return why_; }
  // The same for a person: the alert that was received or sent, or what GnuTLS says. Static.
  [[nodiscard]] const char* Detail() const { return detail_; }
  // After kDone, once. The state of the records behind what Output() has given; bytes that the client sent
  // behind its handshake are `unread`. Error: GnuTLS made a session that our record layer cannot go on with.
  Result<TlsLuggage> Take();

 private:
  static ssize_t Pull(gnutls_transport_ptr_t self, void* into, std::size_t size);
  static ssize_t Push(gnutls_transport_ptr_t self, const void* bytes, std::size_t size);
  static int OnHello(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                     const gnutls_datum_t* hello);
  static int OnClientHello(gnutls_session_t session);
  static int OnSecret(gnutls_session_t session, const char* label, const gnutls_datum_t* secret);
  static int OnClientCertificate(gnutls_session_t session);
  // GnuTLS is C: no exception may cross its frames. It is kept, `failure` is returned, and Rethrow() goes on.
  template <typename Call>
  auto Guarded(Call call, decltype(call()) failure) noexcept;
  void Rethrow();

  void Start(unsigned flags);
  void SetUp();
  void SetUpClientCertificates();
  void SetUpTickets();
  Step Advance();
  Step Fail(int result);
  void ChooseCertificate();
  void ChooseOrder();
  [[nodiscard]] bool ClientIsTrusted();
  Status SendTicket();

  const GateSettings& settings_;
  LeftStack left_stack_;  // wiped behind the end of the session
  SessionHandle session_;
  SecretBytes ticket_key_;
  CredentialsHandle credentials_;  // in use by the session
  ClientHello hello_;
  std::string input_;
  std::size_t pulled_ = 0;    // bytes of input_ that GnuTLS has taken
  bool saw_hello_ = false;    // until then input_ keeps them
  bool start_again_ = false;  // give a new session all of input_
  std::size_t taken_ = 0;     // bytes that it took before
  std::string output_;
  std::size_t sent_ = 0;
  TrafficSecrets secrets_;  // TLS 1.3
  const char* why_ = "";
  const char* detail_ = "";
  std::optional<gnutls_alert_description_t> refusal_;  // what is wrong with the client's certificate
  std::exception_ptr thrown_;                          // in a callback of GnuTLS's
};

}  // namespace preforkd

#endif
