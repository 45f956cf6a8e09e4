// Exchange: one HTTP request and its answer, as a worker keeps them for a module.
//
// It lives as long as its Host: a module that uses a request after it was dropped is caught, not a crash. The
// client is the test: it takes everything at once, unless it stops reading.
#ifndef PREFORKD_TESTING_EXCHANGE_HPP
#define PREFORKD_TESTING_EXCHANGE_HPP

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "answer.hpp"
#include "host.hpp"

namespace pfd::testing::detail {

constexpr std::size_t kMostLuggage = 49152;
constexpr std::int64_t kEnoughWaiting = 64 * 1024;

struct Exchange {
  std::shared_ptr<Host> host;
  // The request.
  std::string method, target, path, query, authority, peer;
  Fields fields;
  std::vector<pfd_field> raw_fields;
  std::uint64_t id = 0;
  bool in_pieces = false;
  std::shared_ptr<const Tls> tls;

  mutable std::mutex lock;  // of all below
  std::condition_variable changed;
  std::string body;  // in pieces: what was not read yet
  bool body_complete = true;
  bool body_lost = false;
  Answer answer;
  bool begun = false;
  bool done = false;         // no more comes
  bool left = false;         // the client
  bool by_server = false;    // answered by the server: 504
  bool reading = true;       // the client
  bool switched = false;     // 101: the connection is of another protocol
  std::string luggage;       // of its session then
  std::int64_t waiting = 0;  // bytes that it has not taken
  int owners = 1;            // handle(), and each keep()
  bool kept = false;         // ever: gone, drained and arrived are told
  void* data = nullptr;
  void* state = nullptr;  // the state that handle() got

  [[nodiscard]] bool finished() const {
    const std::lock_guard guard(lock);
    return done || left;
  }
  void tell() {
    changed.notify_all();
    host->loop.wake();
  }
};

inline Exchange& of(pfd_request* request) { return *reinterpret_cast<Exchange*>(request); }
inline const Exchange& of(const pfd_request* request) { return *reinterpret_cast<const Exchange*>(request); }

// "%41" is 'A', "." and ".." are resolved. The real server refuses what this leaves as it is.
inline std::string path_of(std::string_view target) {
  if (target == "*") return "*";  // OPTIONS *
  const auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  std::string decoded;
  for (std::size_t at = 0; at < target.size(); ++at) {
    const bool escape = target[at] == '%' && at + 2 < target.size() && digit(target[at + 1]) >= 0 &&
                        digit(target[at + 2]) >= 0;
    decoded += escape ? static_cast<char>(digit(target[at + 1]) * 16 + digit(target[at + 2])) : target[at];
    if (escape) at += 2;
  }
  std::vector<std::string> parts;
  for (std::size_t at = 1; at <= decoded.size();) {
    const std::size_t end = std::min(decoded.find('/', at), decoded.size());
    const std::string part = decoded.substr(at, end - at);
    const bool last = end == decoded.size();
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (part != ".") {
      parts.push_back(part);
    }
    if (last && (part == "." || part == "..")) parts.emplace_back();
    at = end + 1;
  }
  std::string path;
  for (const std::string& part : parts) path += "/" + part;
  return path.empty() ? "/" : path;
}

inline bool is_token(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](unsigned char c) {
    return std::isalnum(c) != 0 || kMarks.find(static_cast<char>(c)) != kMarks.npos;
  });
}

inline bool can_be_sent(int status, const pfd_field* fields, std::size_t count) {
  if (status < 200 || status > 599) return false;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view name = view(fields[i].name);
    if (!is_token(name)) return false;
    if (view(fields[i].value).find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos)
      return false;
    for (const char* reserved :
         {"content-length", "connection", "transfer-encoding", "keep-alive", "upgrade"}) {
      if (same_name(name, reserved)) return false;
    }
  }
  return true;
}

// Under the lock. The server answers in place of the module.
inline void answer_by_server(Exchange& exchange, int status) {
  exchange.answer = {status, {{"content-type", "text/plain; charset=utf-8"}}, "", true};
  exchange.begun = exchange.done = true;
  exchange.tell();
}

// Under the lock: 0 if an answer may begin, and its head is noted.
inline int begin_answer(Exchange& exchange, int status, const pfd_field* fields, std::size_t count) {
  if (exchange.owners == 0) exchange.host->add_problem("a request was used after it had been dropped");
  if (exchange.left) return -EPIPE;
  if (exchange.begun || exchange.done) return -EALREADY;
  if (!can_be_sent(status, fields, count)) {
    answer_by_server(exchange, 500);
    return -EINVAL;
  }
  exchange.answer.status = status;
  for (std::size_t i = 0; i < count; ++i) {
    exchange.answer.fields.emplace_back(view(fields[i].name), view(fields[i].value));
  }
  exchange.begun = true;
  return 0;
}

inline void end_answer(Exchange& exchange) {
  exchange.done = exchange.answer.complete = true;
  if (exchange.method == "HEAD") exchange.answer.body.clear();
  exchange.tell();
}

// One of the fields of that name lists the word.
inline bool lists(const Exchange& exchange, std::string_view name, std::string_view word) {
  for (const auto& [key, value] : exchange.fields) {
    if (!same_name(key, name)) continue;
    for (std::size_t at = 0; at <= value.size();) {
      const std::size_t end = std::min(value.find(',', at), value.size());
      std::string_view element = std::string_view(value).substr(at, end - at);
      while (element.starts_with(' ')) element.remove_prefix(1);
      while (element.ends_with(' ')) element.remove_suffix(1);
      if (same_name(element, word)) return true;
      at = end + 1;
    }
  }
  return false;
}

inline int host_take_over(pfd_request* request, pfd_str protocol, const pfd_field* fields, std::size_t count,
                          pfd_str context) {
  Exchange& exchange = of(request);
  const std::lock_guard guard(exchange.lock);
  const int result = begin_answer(exchange, 200, fields, count);
  if (result != 0) return result;
  if (exchange.host->module->protocol == nullptr || !exchange.body_complete || context.size >= kMostLuggage ||
      !is_token(view(protocol))) {
    answer_by_server(exchange, 500);
    return -EINVAL;
  }
  const bool asked = lists(exchange, "connection", "upgrade") && lists(exchange, "upgrade", view(protocol));
  if (!asked) {
    answer_by_server(exchange, 426);
  } else {
    exchange.answer.status = 101;
    exchange.switched = true;
    exchange.luggage = view(context);
    end_answer(exchange);
  }
  exchange.answer.fields.emplace_back("upgrade", view(protocol));
  return asked ? 0 : -EPROTO;
}

inline int host_respond(pfd_request* request, int status, const pfd_field* fields, std::size_t count,
                        pfd_str body) {
  Exchange& exchange = of(request);
  const std::lock_guard guard(exchange.lock);
  if (const int refused = begin_answer(exchange, status, fields, count); refused != 0) return refused;
  exchange.answer.body = view(body);
  end_answer(exchange);
  return 0;
}

inline int host_respond_page(pfd_request* request, int status, const pfd_field* fields, std::size_t count) {
  Exchange& exchange = of(request);
  const std::lock_guard guard(exchange.lock);
  if (const int refused = begin_answer(exchange, status, fields, count); refused != 0) return refused;
  if (status != 204 && status != 304) {
    exchange.answer.fields.emplace_back("content-type", "text/html; charset=utf-8");
    exchange.answer.body = "<h1>" + std::to_string(status) + "</h1>\n";
  }
  end_answer(exchange);
  return 0;
}

inline int host_respond_file(pfd_request* request, int status, const pfd_field* fields, std::size_t count,
                             int fd, std::uint64_t offset, std::uint64_t size) {
  Exchange& exchange = of(request);
  const std::lock_guard guard(exchange.lock);
  struct stat facts {};
  const bool regular = ::fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode);
  int result = begin_answer(exchange, status, fields, count);
  if (result == 0 && !regular) {
    answer_by_server(exchange, 500);
    result = -EINVAL;
  }
  if (result == 0) {
    const std::uint64_t there = static_cast<std::uint64_t>(facts.st_size);
    exchange.answer.body.resize(std::min(size, offset < there ? there - offset : 0));
    const ssize_t got =
        ::pread(fd, exchange.answer.body.data(), exchange.answer.body.size(), static_cast<off_t>(offset));
    exchange.answer.body.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    end_answer(exchange);
  }
  ::close(fd);
  return result;
}

inline int host_begin(pfd_request* request, int status, const pfd_field* fields, std::size_t count) {
  Exchange& exchange = of(request);
  const std::lock_guard guard(exchange.lock);
  const int result = begin_answer(exchange, status, fields, count);
  if (result == 0) exchange.tell();
  return result;
}

inline std::int64_t host_write(pfd_request* request, pfd_str piece) {
  Exchange& exchange = of(request);
  std::unique_lock guard(exchange.lock);
  if (exchange.left) return -EPIPE;
  if (exchange.done || !exchange.begun) return -EALREADY;
  exchange.answer.body += view(piece);
  if (!exchange.reading) exchange.waiting += static_cast<std::int64_t>(piece.size);
  exchange.tell();
  if (exchange.host->in_loop()) return exchange.waiting;
  exchange.changed.wait(guard,
                        [&] { return exchange.left || exchange.done || exchange.waiting <= kEnoughWaiting; });
  return exchange.left ? -EPIPE : exchange.done ? -EALREADY : 0;
}

inline int host_end(pfd_request* request) {
  Exchange& exchange = of(request);
  const std::lock_guard guard(exchange.lock);
  if (exchange.left) return -EPIPE;
  if (exchange.done || !exchange.begun) return -EALREADY;
  end_answer(exchange);
  return 0;
}

inline void host_keep(pfd_request* request) {
  Exchange& exchange = of(request);
  const std::lock_guard guard(exchange.lock);
  if (exchange.owners == 0) exchange.host->add_problem("a request was kept after it had been dropped");
  ++exchange.owners;
  exchange.kept = true;
}

inline void host_drop(pfd_request* request) {
  Exchange& exchange = of(request);
  const std::lock_guard guard(exchange.lock);
  if (exchange.owners == 0) {
    exchange.host->add_problem("a request was dropped once more than it was kept");
    return;
  }
  if (--exchange.owners > 0 || exchange.done || exchange.left) return;
  if (exchange.begun) {
    exchange.done = true;  // in the middle: the client sees a broken answer
    exchange.tell();
  } else {
    answer_by_server(exchange, 500);
  }
}

inline std::int64_t host_read(pfd_request* request, void* into, std::size_t size) {
  Exchange& exchange = of(request);
  std::unique_lock guard(exchange.lock);
  const auto something = [&] {
    return !exchange.body.empty() || exchange.body_complete || exchange.body_lost || exchange.left;
  };
  if (!exchange.host->in_loop()) exchange.changed.wait(guard, something);
  if (exchange.body_lost || exchange.left) return -EPIPE;
  if (!something()) return -EAGAIN;
  const std::size_t copied = std::min(size, exchange.body.size());
  std::memcpy(into, exchange.body.data(), copied);
  exchange.body.erase(0, copied);
  return static_cast<std::int64_t>(copied);
}

inline int host_gone(const pfd_request* request) {
  const Exchange& exchange = of(request);
  const std::lock_guard guard(exchange.lock);
  return exchange.left || exchange.by_server ? 1 : 0;
}

inline pfd_str host_field(const pfd_request* request, pfd_str name, std::size_t nth) {
  for (const auto& [key, value] : of(request).fields) {
    if (same_name(key, view(name)) && nth-- == 0) return str(value);
  }
  return {nullptr, 0};
}

// Nullopt: there is no such field. Else whether one of its lines lists the tag, or "*".
inline std::optional<bool> lists_tag(const Exchange& exchange, std::string_view name, std::string_view etag,
                                     bool weak) {
  std::optional<bool> lists;
  for (const auto& [key, value] : exchange.fields) {
    if (!same_name(key, name)) continue;
    lists = lists.value_or(false);
    for (std::string_view rest = value; !rest.empty();) {
      // A comma within quotes is part of the tag.
      std::size_t end = 0;
      for (bool quoted = false; end < rest.size() && (quoted || rest[end] != ','); ++end) {
        if (rest[end] == '"') quoted = !quoted;
      }
      std::string_view tag = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      while (!tag.empty() && (tag.front() == ' ' || tag.front() == '\t')) tag.remove_prefix(1);
      while (!tag.empty() && (tag.back() == ' ' || tag.back() == '\t')) tag.remove_suffix(1);
      if (weak && tag.starts_with("W/")) tag.remove_prefix(2);
      if (tag == "*" || tag == etag) lists = true;
    }
  }
  return lists;
}

inline int host_precondition(const pfd_request* request, pfd_str etag) {
  const Exchange& exchange = of(request);
  if (!lists_tag(exchange, "if-match", view(etag), false).value_or(true)) return 412;
  return lists_tag(exchange, "if-none-match", view(etag), true).value_or(false) ? 304 : 0;
}

inline std::size_t host_fields(const pfd_request* request, const pfd_field** fields) {
  *fields = of(request).raw_fields.data();
  return of(request).raw_fields.size();
}

}  // namespace pfd::testing::detail

#endif
