// GnutlsMemory: GnuTLS's end of a TLS connection over memory, in a handshake and behind it. `Peer` is
// LibraryPeer, or an interface that asks for more.
#ifndef PREFORKD_TESTS_LOOPBACK_TLS_GNUTLS_MEMORY_H_
#define PREFORKD_TESTS_LOOPBACK_TLS_GNUTLS_MEMORY_H_

#include <errno.h>
#include <gnutls/gnutls.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "tests/loopback/tls/library_peer.h"

namespace preforkd::tls::testing {

// Throws what GnuTLS says.
inline void RequireGnutls(int result, const char* what) {
  if (result < 0) throw std::runtime_error(std::string("GnuTLS: ") + what + ": " + gnutls_strerror(result));
}

template <class Peer>
class GnutlsMemory : public Peer {
 public:
  GnutlsMemory(const GnutlsMemory&) = delete;
  GnutlsMemory& operator=(const GnutlsMemory&) = delete;
  ~GnutlsMemory() override {
    gnutls_deinit(session_);
    gnutls_certificate_free_credentials(credentials_);
  }

  bool Handshake() override {
    const int result = gnutls_handshake(session_);
    if (result == GNUTLS_E_AGAIN) return false;
    Check(result, "handshake");
    return true;
  }

  void Feed(const Bytes& records) override { in_.insert(in_.end(), records.begin(), records.end()); }
  Bytes TakeOut() override { return std::exchange(out_, {}); }

  void Write(std::string_view text) override {
    while (!text.empty()) {
      const ssize_t size = gnutls_record_send(session_, text.data(), text.size());
      Check(static_cast<int>(size), "send");
      text.remove_prefix(static_cast<std::size_t>(size));
    }
  }
  std::string Read() override {
    std::string text;
    std::array<char, 20'000> part;
    for (;;) {
      const bool had_all = in_.empty();
      const ssize_t size = gnutls_record_recv(session_, part.data(), part.size());
      if (size == GNUTLS_E_AGAIN) {
        // It also says so behind a ticket or a KeyUpdate, whatever follows.
        if (had_all) return text;
        continue;
      }
      Check(static_cast<int>(size), "receive");
      if (size == 0) {
        saw_close_ = true;
        return text;
      }
      text.append(part.data(), static_cast<std::size_t>(size));
    }
  }

  void UpdateKeys(bool ask) override {
    // GnuTLS refuses to do it more often than 8 times a second.
    if (updates_++ >= 6) return;
    RequireGnutls(gnutls_session_key_update(session_, ask ? GNUTLS_KU_PEER : 0), "key update");
  }
  bool Renegotiate() override {
    const int result = gnutls_handshake(session_);
    if (result == GNUTLS_E_AGAIN) return false;
    if (result != GNUTLS_E_WARNING_ALERT_RECEIVED) RequireGnutls(result, "renegotiate");
    return gnutls_alert_get(session_) == GNUTLS_A_NO_RENEGOTIATION;
  }

  void Close() override { RequireGnutls(gnutls_bye(session_, GNUTLS_SHUT_WR), "bye"); }
  [[nodiscard]] bool SawClose() const override { return saw_close_; }

 protected:
  // `flags` of gnutls_init(3).
  explicit GnutlsMemory(unsigned flags) {
    RequireGnutls(gnutls_init(&session_, flags | GNUTLS_NONBLOCK), "init");
    RequireGnutls(gnutls_certificate_allocate_credentials(&credentials_), "credentials");
    RequireGnutls(gnutls_credentials_set(session_, GNUTLS_CRD_CERTIFICATE, credentials_), "use credentials");
    gnutls_transport_set_ptr(session_, this);
    gnutls_transport_set_pull_function(session_, Pull);
    gnutls_transport_set_push_function(session_, Push);
    gnutls_handshake_set_timeout(session_, 0);
  }

  // Of what the session returned; throws an error.
  virtual void Check(int result, const char* what) { RequireGnutls(result, what); }
  [[nodiscard]] gnutls_session_t TheSession() const { return session_; }
  [[nodiscard]] gnutls_certificate_credentials_t TheCredentials() const { return credentials_; }

 private:
  static ssize_t Pull(gnutls_transport_ptr_t self, void* bytes, std::size_t size) {
    auto& end = *static_cast<GnutlsMemory*>(self);
    if (end.in_.empty()) {
      gnutls_transport_set_errno(end.session_, EAGAIN);
      return -1;
    }
    const std::size_t given = std::min(size, end.in_.size());
    std::copy_n(end.in_.begin(), given, static_cast<std::byte*>(bytes));
    end.in_.erase(end.in_.begin(), end.in_.begin() + static_cast<long>(given));
    return static_cast<ssize_t>(given);
  }

  static ssize_t Push(gnutls_transport_ptr_t self, const void* bytes, std::size_t size) {
    const auto* const from = static_cast<const std::byte*>(bytes);
    auto& out = static_cast<GnutlsMemory*>(self)->out_;
    out.insert(out.end(), from, from + size);
    return static_cast<ssize_t>(size);
  }

  gnutls_session_t session_ = nullptr;
  gnutls_certificate_credentials_t credentials_ = nullptr;
  Bytes in_;
  Bytes out_;
  int updates_ = 0;
  bool saw_close_ = false;
};

}  // namespace preforkd::tls::testing

#endif
