// TcpClient: a blocking stream client for tests. Every call ends within its timeout. It returns nullopt or
// false if it failed; Why() tells the reason.
#ifndef PREFORKD_TESTS_SUPPORT_TCP_CLIENT_H_
#define PREFORKD_TESTS_SUPPORT_TCP_CLIENT_H_

#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace preforkd::testing {

inline constexpr Duration kClientTimeout = std::chrono::seconds(15);

class TcpClient {
 public:
  // `address` as in the configuration of a listener: "127.0.0.1:80", "[::1]:80", "unix:/path", "unix:@name".
  static Result<TcpClient> Connect(const std::string& address, Duration timeout = kClientTimeout);
  // The same from one of this machine's addresses, written without a port: "127.0.0.2".
  static Result<TcpClient> ConnectFrom(const std::string& source, const std::string& address,
                                       Duration timeout = kClientTimeout);
  // As Connect, but throws std::runtime_error if it cannot connect.
  explicit TcpClient(const std::string& address);

  [[nodiscard]] bool SendAll(std::string_view bytes);
  // Up to and including `delimiter`; later bytes are kept for the next call.
  std::optional<std::string> ReadUntil(std::string_view delimiter);
  std::optional<std::string> ReadExactly(std::size_t size);
  // Everything up to end of file. nullopt if the connection was reset or nothing more came in time.
  std::optional<std::string> ReadToEnd();
  // The next bytes, at least one; empty at end of file.
  std::optional<std::string> ReadSome();
  // Sends it and receives the same back.
  [[nodiscard]] bool Echoes(std::string_view bytes);
  // The peer has closed: end of file or reset, within the timeout, with nothing before it.
  [[nodiscard]] bool IsClosedByPeer();

  void HalfClose();
  void Close() { fd_.Reset(); }
  [[nodiscard]] int Fd() const { return fd_.Get(); }  // borrowed
  // The errno of the last failure; 0: end of file.
  [[nodiscard]] int Why() const { return why_; }

 private:
  explicit TcpClient(UniqueFd fd) : fd_(std::move(fd)) {}
  // Receives more into buffer_. False at end of file and on an error.
  bool Fill();
  std::string Take(std::size_t size);

  UniqueFd fd_;
  std::string buffer_;  // received and not yet returned
  int why_ = 0;
};

}  // namespace preforkd::testing

#endif
