// SecureStream: the TLS session of one connection in a worker: what Connection uses between its session's
// calls and the socket. Services notice nothing: the same results, the same meaning.
//
// It owns the keys. It holds no buffer but for what has arrived and not been asked for, for a part of a
// record, and for records that the socket did not take. What is sent is reported as sent only when its
// records are in the socket: so a session offers unsent bytes again, as it does without TLS, and they travel
// with it.
//
// It makes no handshake and decides nothing: a peer that breaks the protocol gets the alert, and the
// connection an error.
#ifndef PREFORKD_WORKER_CONNECTION_SECURE_STREAM_H_
#define PREFORKD_WORKER_CONNECTION_SECURE_STREAM_H_

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "common/base/result.h"
#include "common/base/secret_bytes.h"
#include "common/base/secret_memory.h"
#include "common/tls/tls_luggage.h"
#include "worker/connection/client_socket.h"
#include "worker/connection/tls_tools.h"

namespace preforkd {

class SecureStream {
 public:
  // Its keys lie in secret memory, so no core of a worker has them.
  static void* operator new(std::size_t size) { return AllocateSecret(size); }
  static void operator delete(void* place, std::size_t size) { FreeSecret(static_cast<char*>(place), size); }

  // Makes the worker's tools for TLS. Before its system calls are filtered, if its configuration has TLS;
  // else Make does it for the first connection, which another configuration has left.
  static Status Prepare(WorkerEnv& env);
  // `state`: Parcel::tls_state, which the caller wipes. Error: a gate or a worker made nonsense, or libcrypto
  // lacks a cipher.
  static Result<std::unique_ptr<SecureStream>> Make(WorkerEnv& env, std::span<const char> state);

  // As ClientSocket's calls of the same names, with the plaintext. They throw std::runtime_error if libcrypto
  // has no memory.
  IoResult Receive(ClientSocket& socket, std::span<char> into);
  // After kAgain the caller must offer the same bytes again, and may offer more behind them.
  IoResult Send(ClientSocket& socket, std::string_view bytes, bool more_follows);
  IoResult SendFile(ClientSocket& socket, int file, off_t& offset, std::size_t count);

  // Sends records that the socket had no room for. kDone and kAgain; kError: the connection has failed.
  IoResult::Kind Flush(ClientSocket& socket);
  // Flush is to be called when the socket has room, even if the session waits for nothing.
  [[nodiscard]] bool HasUnsent() const { return !luggage_.unsent.empty(); }
  // Bytes may be there to receive without the socket.
  [[nodiscard]] bool HasInput() const { return !plaintext_.empty() || unread_is_new_; }
  // Tells the client that nothing more follows, if that can be said at once. Once. Send fails from then on.
  void SayGoodbye(ClientSocket& socket) noexcept;

  // For services and the access log.
  [[nodiscard]] const TlsFacts& Facts() const { return luggage_.facts; }
  // False: it has bytes that its service has not received, or more than travels, or has ended.
  [[nodiscard]] bool CanTravel() const;
  // Precondition: CanTravel(). The keys are given away with the bytes: destroy it next.
  [[nodiscard]] SecretBytes Pack() const { return EncodeTls(luggage_); }

 private:
  SecureStream(TlsLuggage luggage, TlsTools& tools)
      : luggage_(std::move(luggage)), tools_(tools), unread_is_new_(!luggage_.unread.empty()) {}

  IoResult TakePlaintext(std::span<char> into);
  // Copies luggage_.unread to the beginning of tools_.in; returns the room behind it.
  std::span<char> PutUnread();
  // Opens `size` bytes of tools_.in; keeps what does not fit into `into`. kAgain: nothing for the session in
  // it.
  IoResult Open(ClientSocket& socket, std::size_t size, std::span<char> into);
  void Deliver(std::span<const std::byte> plaintext, std::span<char> into, IoResult& result);
  IoResult SendSealed(ClientSocket& socket, std::size_t size, std::size_t plain, bool more_follows);
  void SendAlert(ClientSocket& socket, tls::Alert alert, bool end_follows = false);
  void Refuse(ClientSocket& socket);
  // Puts what the socket did not take behind what is unsent.
  void Keep(std::string_view records);
  // Sends `size` bytes of tools_.out behind what is unsent; keeps what the socket does not take.
  // `more_follows` as for Send.
  void SendControl(ClientSocket& socket, std::size_t size, bool more_follows = false);
  IoResult Broken(int errnum);

  TlsLuggage luggage_;
  TlsTools& tools_;
  SecretBytes plaintext_;      // received and not yet taken by the session
  std::size_t taken_ = 0;      // bytes of it that have been taken
  int broken_ = 0;             // an errno: the session cannot go on
  bool said_goodbye_ = false;  // nothing may be sealed any more
  bool unread_is_new_;         // luggage_.unread came with the connection, and may hold whole records
};

}  // namespace preforkd

#endif
