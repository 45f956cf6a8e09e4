// ClientStream: the bytes of one client, both ways: its socket, and the TLS session over it if there is one.
// Part of the public interface of services: a session calls it as a part of Connection, and notices nothing
// of TLS.
//
// All I/O is non-blocking and goes straight to the socket, without a buffer in between but for what
// SecureStream must keep. What a call found is noted as the reason in case the session closes next.
#ifndef PREFORKD_WORKER_CONNECTION_CLIENT_STREAM_H_
#define PREFORKD_WORKER_CONNECTION_CLIENT_STREAM_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "worker/connection/client_socket.h"
#include "worker/connection/secure_stream.h"
#include "worker/connection/session_verdict.h"

namespace preforkd {

class ClientStream {
 public:
  ClientStream(const ClientStream&) = delete;
  ClientStream& operator=(const ClientStream&) = delete;

  // ---- for sessions ----

  // Reads up to into.size() bytes, at least 1, in one recv(2). kAgain: no data now, so call Await. kEnd: the
  // client has shut down its sending side. kError: the connection has failed, so call Close. The result is
  // the same for the calls below, unless they say otherwise (client_socket.h).
  IoResult Receive(std::span<char> into);
  // Sends the part of `bytes`, at least 1 byte, that fits into the socket's send buffer. kAgain: the buffer
  // is full. The caller must keep the rest and send it when OnReady reports kWrite. `more_follows`: the
  // kernel may delay a partial segment until more data is sent (MSG_MORE).
  IoResult Send(std::string_view bytes, bool more_follows = false);
  // sendfile(2) of up to `count` bytes. `file` is borrowed. `offset` advances by the bytes sent. kEnd: the
  // file ended early (it was truncated).
  IoResult SendFile(int file, off_t& offset, std::size_t count);
  // Number of bytes sent that the client's TCP has not acknowledged. For a Unix socket: roughly the number
  // that the client has not read.
  [[nodiscard]] std::uint64_t Unacknowledged() const { return socket_.Unacknowledged(); }
  // The socket, or the TLS session, has unread data from the client.
  [[nodiscard]] bool HasInput() const { return (secure_ && secure_->HasInput()) || socket_.HasInput(); }
  // The client has shut down its sending side, or the connection has failed. Unread data may be there.
  [[nodiscard]] bool PeerHasLeft() const { return socket_.PeerHasLeft(); }
  // Shuts down the sending side: the client reads end of file after the data sent so far. Receiving goes on.
  void HalfClose();
  // What is known of its TLS session; nullptr: it has none.
  [[nodiscard]] const TlsFacts* Tls() const { return secure_ ? &secure_->Facts() : nullptr; }

  // ---- for the host ----

  [[nodiscard]] SessionVerdict& Verdict() { return verdict_; }
  // Goes on with an established TLS session: from now on the calls above mean its plaintext. Before the
  // session is opened.
  void Secure(std::unique_ptr<SecureStream> stream) { secure_ = std::move(stream); }
  // The TLS session, if there is one, can leave this worker now.
  [[nodiscard]] bool MayLeave() const { return !secure_ || secure_->CanTravel(); }

 protected:
  ClientStream(WorkerEnv& env, Parcel parcel, FdWatch::Callback on_ready)
      : socket_(env, std::move(parcel), std::move(on_ready)) {}
  ~ClientStream() = default;

  ClientSocket socket_;
  std::unique_ptr<SecureStream> secure_;
  SessionVerdict verdict_;
};

}  // namespace preforkd

#endif
