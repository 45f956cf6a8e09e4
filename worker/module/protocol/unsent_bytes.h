// UnsentBytes: sends bytes to the client of a session, and keeps a copy of what the socket does not take now.
// That copy is the only memory it uses: none for a client that takes everything. Does not close the
// connection.
#ifndef PREFORKD_WORKER_MODULE_PROTOCOL_UNSENT_BYTES_H_
#define PREFORKD_WORKER_MODULE_PROTOCOL_UNSENT_BYTES_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "worker/connection/connection.h"

namespace preforkd::module {

class UnsentBytes {
 public:
  explicit UnsentBytes(Connection& connection) : connection_(connection) {}

  // Behind what waits already. False: the connection has failed. Throws std::bad_alloc.
  [[nodiscard]] bool Send(std::string_view bytes);
  // There is room in the socket. False: the connection has failed.
  [[nodiscard]] bool Flush();
  [[nodiscard]] bool Waiting() const { return from_ < bytes_.size(); }
  [[nodiscard]] std::size_t Size() const { return bytes_.size() - from_; }

 private:
  // Removes from the front of `bytes` what the socket takes. False: the connection has failed.
  bool SendSome(std::string_view& bytes);

  Connection& connection_;
  std::string bytes_;
  std::size_t from_ = 0;  // bytes at the start of bytes_ that have been sent
};

}  // namespace preforkd::module

#endif
