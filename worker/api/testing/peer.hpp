// Peer: a client of a server over TCP, blocking with a limit; and how an HTTP answer is read from one.
#ifndef PREFORKD_TESTING_PEER_HPP
#define PREFORKD_TESTING_PEER_HPP

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "answer.hpp"

namespace pfd::testing {

class Peer {
 public:
  // Throws std::runtime_error if nobody listens.
  Peer(const std::string& host, std::uint16_t port, std::chrono::milliseconds limit)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), limit_(limit) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1 ||
        ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      ::close(fd_);
      throw std::runtime_error("no connection to " + host + ":" + std::to_string(port));
    }
  }
  Peer(Peer&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), limit_(other.limit_), received_(std::move(other.received_)) {}
  Peer& operator=(Peer&&) = delete;
  ~Peer() {
    if (fd_ >= 0) ::close(fd_);
  }

  // False: the connection is broken.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // Waits for this text and takes all up to its end; empty if the connection ends before, or after the limit.
  std::string take_until(std::string_view text) {
    const auto end = std::chrono::steady_clock::now() + limit_;
    std::size_t at = received_.find(text);
    while (at == received_.npos && receive(end)) at = received_.find(text);
    return at == received_.npos ? std::string() : take(at + text.size());
  }
  // Waits for so many bytes; fewer if the connection ends before, or after the limit.
  std::string take_bytes(std::size_t count) {
    const auto end = std::chrono::steady_clock::now() + limit_;
    while (received_.size() < count && receive(end)) {
    }
    return take(std::min(count, received_.size()));
  }
  std::string take_all() { return take_bytes(std::string::npos); }  // up to the end of the connection

  // One answer, of a request that was sent on this connection. `head`: the request was HEAD.
  Answer take_answer(bool head = false) {
    Answer answer;
    std::string_view line;
    const std::string text = take_until("\r\n\r\n");
    std::string_view rest = text;
    const auto next_line = [&] {
      const std::size_t end = rest.find("\r\n");
      if (end == rest.npos) return false;
      line = rest.substr(0, end);
      rest.remove_prefix(end + 2);
      return !line.empty();
    };
    if (!next_line() || line.size() < 12) return answer;
    std::from_chars(line.data() + 9, line.data() + 12, answer.status);
    while (next_line()) {
      const std::size_t colon = line.find(':');
      if (colon == line.npos) continue;
      std::string_view value = line.substr(colon + 1);
      while (value.starts_with(' ')) value.remove_prefix(1);
      answer.fields.emplace_back(line.substr(0, colon), value);
    }
    read_body(answer, head);
    return answer;
  }

 private:
  void read_body(Answer& answer, bool head) {
    if (head || answer.status < 200 || answer.status == 204 || answer.status == 304) {
      answer.complete = true;
    } else if (answer.field("transfer-encoding")) {
      read_chunks(answer);
    } else if (const auto length = answer.field("content-length")) {
      std::size_t size = 0;
      std::from_chars(length->data(), length->data() + length->size(), size);
      answer.body = take_bytes(size);
      answer.complete = answer.body.size() == size;
    } else {
      answer.body = take_all();
      answer.complete = true;
    }
  }

  void read_chunks(Answer& answer) {
    for (;;) {
      const std::string line = take_until("\r\n");
      std::size_t size = 0;
      const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), size, 16);
      if (line.empty() || error != std::errc() || end == line.data()) return;
      if (size == 0) {
        answer.complete = !take_until("\r\n").empty();
        return;
      }
      const std::string chunk = take_bytes(size);
      answer.body += chunk;
      if (chunk.size() < size || take_until("\r\n").empty()) return;
    }
  }

  bool receive(std::chrono::steady_clock::time_point end) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    pollfd polled{fd_, POLLIN, 0};
    if (left.count() <= 0 || ::poll(&polled, 1, static_cast<int>(left.count())) <= 0) return false;
    char buffer[16384];
    const ssize_t got = ::recv(fd_, buffer, sizeof(buffer), 0);
    if (got <= 0) return false;
    received_.append(buffer, static_cast<std::size_t>(got));
    return true;
  }

  std::string take(std::size_t count) {
    std::string taken = received_.substr(0, count);
    received_.erase(0, count);
    return taken;
  }

  int fd_;
  std::chrono::milliseconds limit_;
  std::string received_;
};

}  // namespace pfd::testing

#endif
