// OpensslMemory: OpenSSL's end of a TLS connection over memory, in a handshake and behind it. `Peer` is
// LibraryPeer, or an interface that asks for more.
#ifndef PREFORKD_TESTS_LOOPBACK_TLS_OPENSSL_MEMORY_H_
#define PREFORKD_TESTS_LOOPBACK_TLS_OPENSSL_MEMORY_H_

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tests/loopback/tls/library_peer.h"

namespace preforkd::tls::testing {

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using SslContext = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;

// Throws what OpenSSL says.
inline void RequireOpenssl(bool good, const char* what) {
  if (good) return;
  std::array<char, 256> reason{};
  ERR_error_string_n(ERR_get_error(), reason.data(), reason.size());
  ERR_clear_error();
  throw std::runtime_error(std::string("OpenSSL: ") + what + ": " + reason.data());
}

template <class Peer>
class OpensslMemory : public Peer {
 public:
  bool Handshake() override {
    const int result = SSL_do_handshake(ssl_.get());
    if (result == 1) return true;
    RequireOpenssl(SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ, "handshake");
    return false;
  }

  void Feed(const Bytes& records) override {
    if (records.empty()) return;
    const int size = static_cast<int>(records.size());
    RequireOpenssl(BIO_write(in_, records.data(), size) == size, "memory");
  }
  Bytes TakeOut() override {
    Bytes bytes(BIO_ctrl_pending(out_));
    if (!bytes.empty()) BIO_read(out_, bytes.data(), static_cast<int>(bytes.size()));
    return bytes;
  }

  void Write(std::string_view text) override {
    const int size = static_cast<int>(text.size());
    RequireOpenssl(SSL_write(ssl_.get(), text.data(), size) == size, "write");
  }
  std::string Read() override {
    std::string text;
    std::array<char, 20'000> part;
    for (;;) {
      const int size = SSL_read(ssl_.get(), part.data(), static_cast<int>(part.size()));
      if (size > 0) {
        text.append(part.data(), static_cast<std::size_t>(size));
        continue;
      }
      const int error = SSL_get_error(ssl_.get(), size);
      RequireOpenssl(error == SSL_ERROR_WANT_READ || error == SSL_ERROR_ZERO_RETURN, "read");
      return text;
    }
  }

  void UpdateKeys(bool ask) override {
    const int kind = ask ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED;
    RequireOpenssl(SSL_key_update(ssl_.get(), kind) == 1 && SSL_do_handshake(ssl_.get()) == 1, "key update");
  }
  bool Renegotiate() override {
    if (!renegotiates_) RequireOpenssl(SSL_renegotiate(ssl_.get()) == 1, "renegotiate");
    renegotiates_ = true;
    const int result = SSL_do_handshake(ssl_.get());
    if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ) return false;
    return ERR_GET_REASON(ERR_get_error()) == SSL_R_NO_RENEGOTIATION;
  }

  void Close() override { RequireOpenssl(SSL_shutdown(ssl_.get()) >= 0, "shutdown"); }
  [[nodiscard]] bool SawClose() const override {
    return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
  }

 protected:
  explicit OpensslMemory(SslContext context)
      : context_(std::move(context)),
        ssl_(SSL_new(context_.get())),
        in_(BIO_new(BIO_s_mem())),
        out_(BIO_new(BIO_s_mem())) {
    RequireOpenssl(ssl_ != nullptr, "session");
    SSL_set_bio(ssl_.get(), in_, out_);  // owns both
  }

  [[nodiscard]] SSL_CTX* TheContext() const { return context_.get(); }
  [[nodiscard]] SSL* TheSsl() const { return ssl_.get(); }

 private:
  SslContext context_;
  std::unique_ptr<SSL, Free<SSL_free>> ssl_;
  BIO* in_;
  BIO* out_;
  bool renegotiates_ = false;
};

}  // namespace preforkd::tls::testing

#endif
