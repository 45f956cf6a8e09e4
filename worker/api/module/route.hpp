// Routes: which handler answers which method and path, and how each kind of handler is called.
//
// A handler is a function, a lambda without arguments of its own, or a member function of the module's state:
//   Response (const Request&)             answered with what it returns
//   void (const Request&, Stream&)        in pieces, ended when it returns
//   void (const Request&, Stream)         in pieces, kept: it calls end() itself, also later
//   void (const Request&, Later)          answered later
//   Task<Response> (Request)              event modules: a coroutine
//   Task<> (Request, Stream&)             event modules: a coroutine that answers in pieces
#ifndef PREFORKD_MODULE_ROUTE_HPP
#define PREFORKD_MODULE_ROUTE_HPP

#include <algorithm>
#include <concepts>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "answer.hpp"
#include "task.hpp"

namespace pfd::inline v1 {
namespace detail {

// Only inside a catch block: what the client gets for an exception of the handler.
inline void answer_exception(const Request& request) noexcept {
  const pfd_host& host = *request.instance()->host;
  try {
    try {
      throw;
    } catch (const HttpError& error) {
      pfd::status(error.status(), error.what()).send(host, request.raw());
      return;
    } catch (...) {
      write_log(request.instance(), PFD_ERROR,
                std::string(request.method()) + " " + std::string(request.path()) + " of connection " +
                    std::to_string(request.connection_id()) + ": " + reason_of_exception());
    }
    pfd::status(500, "internal server error").send(host, request.raw());
  } catch (...) {
    log_exception(request.instance(), "while an exception was answered");
  }
}

// The class whose member a handler is; void for any other handler.
template <class Function>
struct StateOf {
  using Type = void;
};
template <class Result, class State, class... Arguments>
struct StateOf<Result (State::*)(Arguments...)> {
  using Type = State;
};
template <class Result, class State, class... Arguments>
struct StateOf<Result (State::*)(Arguments...) const> {
  using Type = State;
};
template <class Result, class State, class... Arguments>
struct StateOf<Result (State::*)(Arguments...) noexcept> {
  using Type = State;
};
template <class Result, class State, class... Arguments>
struct StateOf<Result (State::*)(Arguments...) const noexcept> {
  using Type = State;
};

template <class Function, class... Arguments>
constexpr bool takes() {
  if constexpr (std::is_member_function_pointer_v<Function>) {
    return std::is_invocable_v<Function&, typename StateOf<Function>::Type&, Arguments...>;
  } else {
    return std::is_invocable_v<Function&, Arguments...>;
  }
}

template <class Function, class... Arguments>
decltype(auto) call_handler(Function& function, Instance* instance, Arguments&&... arguments) {
  if constexpr (std::is_member_function_pointer_v<Function>) {
    auto& state = *static_cast<typename StateOf<Function>::Type*>(instance->state);
    return std::invoke(function, state, std::forward<Arguments>(arguments)...);
  } else {
    return std::invoke(function, std::forward<Arguments>(arguments)...);
  }
}

// The copy of the request lives in the coroutine, so a handler may take it by reference, too.
template <class Function>
Detached answer_by_task(Request request, Function function) {
  try {
    Response answer = co_await call_handler(function, request.instance(), std::as_const(request));
    answer.send(*request.instance()->host, request.raw());
  } catch (...) {
    answer_exception(request);
  }
}

template <class Function>
Detached stream_by_task(Request request, Function function) {
  try {
    Stream out(request, request.keep());
    co_await call_handler(function, request.instance(), std::as_const(request), out);
    if (!out.ended()) out.end();
  } catch (...) {
    answer_exception(request);
  }
}

using Handler = std::function<void(const Request&)>;

template <class>
inline constexpr bool kNoHandler = false;

template <class Function>
using PlainResult =
    decltype(call_handler(std::declval<Function&>(), nullptr, std::declval<const Request&>()));
template <class Function>
using StreamResult = decltype(call_handler(std::declval<Function&>(), nullptr, std::declval<const Request&>(),
                                           std::declval<Stream&>()));

template <class Function>
constexpr bool is_coroutine() {
  if constexpr (takes<Function, const Request&, Stream&>()) {
    return std::is_same_v<StreamResult<Function>, Task<>>;
  } else if constexpr (takes<Function, const Request&>()) {
    return std::is_same_v<PlainResult<Function>, Task<Response>>;
  } else {
    return false;
  }
}

template <class Function>
Handler adapt(Function function) {
  if constexpr (takes<Function, const Request&, Stream&>()) {
    if constexpr (is_coroutine<Function>()) {
      return [function](const Request& request) { stream_by_task(request, function); };
    } else {
      return [function](const Request& request) mutable {
        Stream out(request);
        call_handler(function, request.instance(), request, out);
        if (!out.ended()) out.end();
      };
    }
  } else if constexpr (takes<Function, const Request&, Stream>()) {
    return [function](const Request& request) mutable {
      call_handler(function, request.instance(), request, Stream(request, request.keep()));
    };
  } else if constexpr (takes<Function, const Request&, Later>()) {
    return [function](const Request& request) mutable {
      call_handler(function, request.instance(), request, Later(request));
    };
  } else if constexpr (takes<Function, const Request&>()) {
    if constexpr (is_coroutine<Function>()) {
      return [function](const Request& request) { answer_by_task(request, function); };
    } else {
      static_assert(std::is_convertible_v<PlainResult<Function>, Response>,
                    "a handler returns pfd::Response");
      return [function](const Request& request) mutable {
        Response answer = call_handler(function, request.instance(), request);
        answer.send(*request.instance()->host, request.raw());
      };
    }
  } else {
    static_assert(kNoHandler<Function>, "this is no handler; the top of module/route.hpp lists them");
  }
}

}  // namespace detail

// One line of the table. `method`: "GET" answers HEAD, too; "*" is any. `path`: exact, or with '*' as its
// last character, for everything that begins so; the longest one wins, and an exact one before it. "*" alone
// is everything, also the path of `OPTIONS *`.
class route {
 public:
  template <class Function>
  route(std::string method, std::string path, Function function)
      : method_(std::move(method)),
        path_(std::move(path)),
        handler_(detail::adapt(std::move(function))),
        state_(&typeid(typename detail::StateOf<Function>::Type)),
        coroutine_(detail::is_coroutine<Function>()) {}

  [[nodiscard]] const std::string& method() const { return method_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const detail::Handler& handler() const { return handler_; }
  [[nodiscard]] const std::type_info& state() const { return *state_; }  // void: it needs none
  [[nodiscard]] bool coroutine() const { return coroutine_; }

 private:
  std::string method_;
  std::string path_;
  detail::Handler handler_;
  const std::type_info* state_;
  bool coroutine_;
};

namespace detail {

class Router {
 public:
  // What is wrong with the route; empty: it was added.
  std::string add(const route& added) {
    std::string path = added.path();
    if (path != "*" && (path.empty() || path.front() != '/'))
      return "the route " + path + " does not begin with '/'";
    const bool is_prefix = path.back() == '*';
    if (is_prefix) path.pop_back();
    Methods& methods = (is_prefix ? prefixes_ : exact_)[path];
    for (const auto& [method, handler] : methods) {
      if (method == added.method()) return "two routes for " + method + " " + added.path();
    }
    methods.emplace_back(added.method(), added.handler());
    return {};
  }

  // Answers 404, or 405 with Allow, if no route fits. May throw what the handler throws.
  void dispatch(Request& request) const {
    const Methods* methods = find(request);
    if (methods == nullptr) throw HttpError(404, "not found");
    const Handler* handler = choose(*methods, request.method());
    if (handler == nullptr) {
      Response refused = pfd::status(405, "method not allowed").field("allow", allowed(*methods));
      refused.send(*request.instance()->host, request.raw());
    } else {
      (*handler)(request);
    }
  }

 private:
  using Methods = std::vector<std::pair<std::string, Handler>>;
  using Table = std::map<std::string, Methods, std::less<>>;

  const Methods* find(Request& request) const {
    const std::string_view path = request.path();
    if (const auto same = exact_.find(path); same != exact_.end()) return &same->second;
    // A prefix of the path sorts before it, and a longer one after a shorter one.
    for (auto each = prefixes_.upper_bound(path); each != prefixes_.begin();) {
      --each;
      if (path.starts_with(each->first)) {
        request.set_rest(path.substr(each->first.size()));
        return &each->second;
      }
    }
    return nullptr;
  }

  static const Handler* choose(const Methods& methods, std::string_view method) {
    const Handler* chosen = nullptr;
    for (const auto& [name, handler] : methods) {
      if (name == method) return &handler;
      if (name == "*" || (name == "GET" && method == "HEAD")) chosen = &handler;
    }
    return chosen;
  }

  static std::string allowed(const Methods& methods) {
    std::string list;
    for (const auto& [name, handler] : methods) {
      list += (list.empty() ? "" : ", ") + name;
      if (name == "GET") list += ", HEAD";
    }
    return list;
  }

  Table exact_;
  Table prefixes_;  // without the '*'
};

}  // namespace detail
}  // namespace pfd::inline v1

#endif
