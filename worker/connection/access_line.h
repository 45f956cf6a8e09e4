// AccessLine: formats one answered request as a line of the access log. Pure. It runs for every request, so
// it allocates nothing.
//
// Two steps: the parts known when the response is created, then the byte count and the duration when it has
// been sent. Client data is escaped, so it can neither end the line nor shift a field.
#ifndef PREFORKD_WORKER_CONNECTION_ACCESS_LINE_H_
#define PREFORKD_WORKER_CONNECTION_ACCESS_LINE_H_

#include <fmt/core.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/config/config.h"
#include "common/net/address.h"
#include "common/scoreboard/line_buffer.h"
#include "common/text/escape.h"
#include "common/tls/tls_facts.h"

namespace preforkd {

using WallTime = std::chrono::system_clock::time_point;

struct AccessEntry {
  const SocketAddress* peer = nullptr;  // never nullptr
  ConnId conn{};
  std::uint64_t request = 0;   // number of the request on this connection, from 1
  std::uint32_t journeys = 0;  // number of hand-overs of this connection so far
  WorkerId worker;
  std::string_view request_line;  // as sent, cut if long; empty: unknown
  int status = 0;
  std::string_view referer;  // empty: none; cut if long, like user_agent
  std::string_view user_agent;
  std::string_view user{};        // who has shown a password; empty: nobody
  const TlsFacts* tls = nullptr;  // nullptr: a plain connection
};

class AccessLine {
 public:
  // The parts before and after the byte count.
  struct Parts {
    std::string_view head;
    std::string_view tail;
  };

  explicit AccessLine(AccessFormat format) : format_(format) {}

  // The parts are valid until the next Begin.
  Parts Begin(const AccessEntry& entry, WallTime now);
  // The whole line, with its newline. Valid until the next End.
  std::string_view End(const Parts& parts, std::uint64_t bytes, Duration duration);

 private:
  // Text in a fixed array. Text that does not fit is left out; the limits of all fields together fit.
  class Text {
   public:
    void Clear() { size_ = 0; }
    void Put(std::string_view text);
    void PutNumber(std::uint64_t number);
    // At most `max_size` bytes after escaping; a longer text ends with "...".
    void PutEscaped(std::string_view text, Escape escape, std::size_t max_size);
    void PutHost(const SocketAddress& address);
    template <typename... Args>
    void Print(fmt::format_string<Args...> format, Args&&... args);
    [[nodiscard]] std::string_view View() const { return {bytes_.data(), size_}; }
    [[nodiscard]] std::size_t Room() const { return bytes_.size() - size_; }

   private:
    std::array<char, LineBuffer::kMaxLine> bytes_;
    std::size_t size_ = 0;
  };

  void PutCombinedHead(const AccessEntry& entry, WallTime now);
  void PutUser(std::string_view user);
  void PutCombinedTail(const AccessEntry& entry);
  void PutJsonHead(const AccessEntry& entry, WallTime now);
  void PutJsonTail(const AccessEntry& entry);
  void PutJsonRequest(std::string_view line);
  void PutJsonTls(const TlsFacts& tls);

  AccessFormat format_;
  Text parts_;
  Text line_;
};

}  // namespace preforkd

#endif
