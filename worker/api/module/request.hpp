// Request: what a client asks for. Reading it costs no allocation, but for decoded parameters.
//
// The one that a handler gets is valid until the handler returns. A copy keeps the request, and all that was
// read of it, for as long as the copy lives: take it by value to answer later.
#ifndef PREFORKD_MODULE_REQUEST_HPP
#define PREFORKD_MODULE_REQUEST_HPP

#include <cerrno>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kept.hpp"
#include "service.hpp"
#include "tls.hpp"

namespace pfd::inline v1 {

// What read() gave. In an event handler `co_await` it: it waits until there is something.
class Received {
 public:
  Received(detail::KeptRef kept, const pfd_host& host, pfd_request* request, void* into, std::size_t size)
      : kept_(std::move(kept)), host_(&host), request_(request), into_(into), size_(size) {
    result_ = host.read(request, into, size);
  }

  explicit operator bool() const { return result_ > 0; }
  [[nodiscard]] std::size_t size() const { return result_ > 0 ? static_cast<std::size_t>(result_) : 0; }
  [[nodiscard]] bool complete() const { return result_ == 0; }           // that was all
  [[nodiscard]] bool nothing_yet() const { return result_ == -EAGAIN; }  // event handlers, without co_await
  // The client has left, or its body was malformed, too large or too late.
  [[nodiscard]] bool lost() const { return result_ < 0 && result_ != -EAGAIN; }

  [[nodiscard]] bool await_ready() const { return !nothing_yet(); }
  void await_suspend(std::coroutine_handle<> waiting) { kept_->set_reader(waiting); }
  Received await_resume() {
    if (nothing_yet()) result_ = host_->read(request_, into_, size_);
    return std::move(*this);
  }

 private:
  detail::KeptRef kept_;
  const pfd_host* host_;
  pfd_request* request_;
  void* into_;
  std::size_t size_;
  std::int64_t result_ = 0;
};

class Request {
 public:
  Request(detail::Instance* instance, pfd_request* request) : instance_(instance), request_(request) {}
  Request(const Request& other)
      : instance_(other.instance_),
        request_(other.request_),
        kept_(other.kept_ ? other.kept_ : detail::KeptRef(detail::Kept::keep(instance_, request_))),
        rest_(other.rest_) {}
  Request& operator=(const Request&) = delete;

  [[nodiscard]] std::string_view method() const { return detail::view(host().method(request_)); }
  [[nodiscard]] std::string_view target() const { return detail::view(host().target(request_)); }  // as sent
  // Decoded once, dot segments resolved; begins with '/'.
  [[nodiscard]] std::string_view path() const { return detail::view(host().path(request_)); }
  // What the '*' of the route stands for: "a/b" of "/files/a/b" for "/files/*". Else empty.
  [[nodiscard]] std::string_view rest() const { return rest_; }
  [[nodiscard]] std::string_view raw_query() const { return detail::view(host().query(request_)); }
  // The first parameter of that name, decoded; empty if it has no '='.
  [[nodiscard]] std::optional<std::string> query(std::string_view name) const {
    return parameter(raw_query(), name);
  }
  [[nodiscard]] std::string_view authority() const { return detail::view(host().authority(request_)); }

  // The `nth` line (from 0) of that name, in any case.
  [[nodiscard]] std::optional<std::string_view> field(std::string_view name, std::size_t nth = 0) const {
    return detail::maybe(host().field(request_, detail::str(name), nth));
  }
  [[nodiscard]] std::vector<Field> fields() const {  // in the order of arrival
    const pfd_field* raw = nullptr;
    std::vector<Field> fields(host().fields(request_, &raw));
    for (Field& each : fields) {
      each = {detail::view(raw->name), detail::view(raw->value)};
      ++raw;
    }
    return fields;
  }

  // The whole body. With pfd::pieces: empty, use read().
  [[nodiscard]] std::string_view body() const { return detail::view(host().body(request_)); }
  // With pfd::pieces: copies up to `size` bytes of the body and forgets them. A blocking handler waits here;
  // an event handler writes co_await read(...), with a copy of the request.
  Received read(void* into, std::size_t size) const { return Received(kept_, host(), request_, into, size); }
  // Event handlers without coroutines: `call` in the loop thread whenever read() would give something.
  void on_arrived(std::function<void()> call) const { keep()->set_arrived(std::move(call)); }

  // What If-Match and If-None-Match mean for a page with that entity tag, with its quotes: 0: answer in full;
  // 304 or 412: answer with that status. 0, too, in a server that is older than this question.
  [[nodiscard]] int precondition(std::string_view etag) const {
    return PFD_HAS(&host(), precondition) ? host().precondition(request_, detail::str(etag)) : 0;
  }

  [[nodiscard]] std::string_view peer() const { return detail::view(host().peer(request_)); }
  [[nodiscard]] std::uint64_t connection_id() const { return host().connection_id(request_); }
  // Nothing: the connection is plain, or TLS ends in a proxy in front; also in a server without TLS.
  [[nodiscard]] std::optional<Tls> tls() const {
    if (!PFD_HAS(&host(), tls)) return std::nullopt;
    return detail::tls_of([this](pfd_tls* facts) { return host().tls(request_, facts); });
  }
  // "https" or "http": for links to this server.
  [[nodiscard]] std::string_view scheme() const {
    return PFD_HAS(&host(), tls) && host().tls(request_, nullptr) != 0 ? "https" : "http";
  }
  // Any thread. The client has left, or the server has answered in place of the module.
  [[nodiscard]] bool gone() const { return host().gone(request_) != 0; }

  [[nodiscard]] Service service() const { return Service(instance_); }
  template <class State>
  [[nodiscard]] State& state() const {
    return service().state<State>();
  }

  // For the other parts of this wrapper.
  [[nodiscard]] detail::KeptRef keep() const {
    return kept_ ? kept_ : detail::KeptRef(detail::Kept::keep(instance_, request_));
  }
  [[nodiscard]] pfd_request* raw() const { return request_; }
  [[nodiscard]] detail::Instance* instance() const { return instance_; }
  void set_rest(std::string_view rest) { rest_ = rest; }

 private:
  [[nodiscard]] const pfd_host& host() const { return *instance_->host; }

  detail::Instance* instance_;
  pfd_request* request_;
  detail::KeptRef kept_;  // of a copy
  std::string_view rest_;
};

}  // namespace pfd::inline v1

#endif
