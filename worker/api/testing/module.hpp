// Module: a module in this process, without a server and without a network.
//
//   pfd::testing::Module m("./hello.so", {{"greeting", "hi"}});
//   pfd::testing::Answer answer = m.get("/hello?name=x");
//
// The thread that makes it is the loop thread. It runs the loop inside the functions here, and at no other
// time. A blocking module has application threads, as in a worker. What a server would complain about is in
// problems().
#ifndef PREFORKD_TESTING_MODULE_HPP
#define PREFORKD_TESTING_MODULE_HPP

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "application_thread.hpp"
#include "host_table.hpp"
#include "pending.hpp"

namespace pfd::testing {

// The module cannot be loaded, or its init has refused.
class LoadError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct ModuleOptions {
  std::string service = "test";
  std::size_t threads = 1;                                    // of a blocking module
  std::chrono::nanoseconds limit = std::chrono::seconds(10);  // for an answer, for init and for end
  std::uint64_t generation = 1;
  std::size_t preload_max = std::size_t{256} << 20U;  // bytes
};

namespace detail {

// Hosts are kept until the process ends; see host.hpp.
inline std::shared_ptr<Host> new_host() {
  static auto* const kHosts = new std::vector<std::shared_ptr<Host>>;
  kHosts->push_back(std::make_shared<Host>());
  kHosts->back()->self = kHosts->back();
  return kHosts->back();
}

// A module is never closed, as in a server: its threads and its exit handlers may still run.
inline const pfd_module* open_module(const std::string& path) {
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw LoadError(::dlerror());
  void* symbol = ::dlsym(library, "preforkd_module");
  if (symbol == nullptr) throw LoadError(path + " has no symbol preforkd_module: it is no module");
  const pfd_module* module = reinterpret_cast<const pfd_module* (*)()>(symbol)();
  if (module == nullptr) throw LoadError(path + ": preforkd_module() returned nothing");
  return module;
}

inline void check_module(const pfd_module& module) {
  if (module.abi != PFD_ABI) {
    throw LoadError("the module was built for interface " + std::to_string(module.abi) + ", this is " +
                    std::to_string(PFD_ABI));
  }
  if (module.size < offsetof(pfd_module, protocol) + sizeof(module.protocol)) {
    throw LoadError("the table of the module is too short");
  }
  if (module.kind > PFD_PROTOCOL) throw LoadError("the module is of an unknown kind");
  if (module.init == nullptr) throw LoadError("the module has no init");
  if (module.kind == PFD_PROTOCOL ? module.protocol == nullptr : module.handle == nullptr) {
    throw LoadError("the module serves nothing");
  }
}

}  // namespace detail

class Module {
 public:
  // Throws LoadError, or std::invalid_argument for the settings.
  explicit Module(const std::string& path, const Settings& settings = {}, const ModuleOptions& options = {})
      : Module(detail::open_module(path), settings, options) {}
  explicit Module(const pfd_module* module, const Settings& settings = {}, const ModuleOptions& options = {})
      : host_(detail::new_host()), limit_(options.limit) {
    detail::check_module(*module);
    host_->module = module;
    host_->settings = detail::resolve(*module, settings);
    host_->service_name = options.service;
    host_->generation = options.generation;
    const std::size_t count = module->kind == PFD_BLOCKING ? std::max<std::size_t>(options.threads, 1) : 1;
    if (PFD_HAS(module, preload) && module->preload != nullptr) preload(options.preload_max);
    const bool blocking = module->kind == PFD_BLOCKING;
    // As in a server: the sessions of a blocking module have a state of their own, behind the others.
    if (blocking && module->protocol != nullptr) start_state(static_cast<std::uint32_t>(count), true);
    for (std::size_t i = 0; i < count; ++i) start_state(static_cast<std::uint32_t>(i), !blocking);
  }
  // Closes what is open and calls end, as a worker that exits in order.
  ~Module() {
    host_->loop.run_ready();
    for (const auto& connection : host_->connections) connection->close();
    {
      const std::lock_guard guard(host_->lock);
      host_->stopped = true;
    }
    if (host_->module->end != nullptr) in_each_state("end", host_->module->end);
  }
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  // A request and its answer. 504: there was none within the limit.
  Answer get(const std::string& target) { return ask({"GET", target, "", {}}); }
  Answer post(const std::string& target, const std::string& body, const std::string& type = "text/plain") {
    return ask({"POST", target, body, {{"content-type", type}}});
  }
  Answer ask(const Ask& ask) { return start(ask).answer(); }
  // Only makes the request. What the module does at once has been done when this returns.
  Pending start(const Ask& ask) { return start(ask, true); }
  // With PFD_PIECES: the rest of the body follows by Pending::send() and end_body().
  Pending start_upload(const Ask& ask) {
    if ((host_->module->flags & PFD_PIECES) == 0)
      throw std::logic_error("the module takes whole bodies only");
    return start(ask, false);
  }

  // A client of the module's own protocol.
  Client connect() {
    if (host_->module->kind != PFD_PROTOCOL) throw std::logic_error("the module has no protocol of its own");
    const std::uint64_t id = host_->next_id++;
    return open(id, "192.0.2.7:" + std::to_string(4000 + id), {}, host_->tls);
  }
  // The client of a request that was answered with 101: it speaks the protocol of the module's sessions now.
  Client upgraded(const Pending& pending) {
    const std::shared_ptr<detail::Exchange>& exchange = pending.exchange();
    if (!exchange->finished() || !exchange->switched) throw std::logic_error("the answer is not 101");
    return open(exchange->id, exchange->peer, exchange->luggage, exchange->tls);
  }
  // A client of another Module, perhaps of a newer version, comes here with its luggage. False: it stayed.
  bool take(Client& client) { return client.travel_to(*host_, loop_state()); }

  // Clients that come from now on have this TLS session; nothing: they are plain, as at the beginning.
  void set_tls(const std::optional<Tls>& tls) {
    host_->tls = tls ? std::make_shared<const Tls>(*tls) : nullptr;
  }

  // Timers see the clock go forward by that much.
  void advance(std::chrono::nanoseconds time) { host_->loop.advance(time); }
  // Runs the loop until `done()`. False: it took too long.
  template <class Done>
  bool run_until(Done done) {
    return host_->loop.run_until(done, limit_);
  }
  void run() { host_->loop.run_ready(); }

  // The worker takes no more clients.
  void retire() {
    if (host_->module->retire != nullptr) in_each_state("retire", host_->module->retire);
    if (host_->module->protocol == nullptr || host_->module->protocol->retire == nullptr) return;
    for (const auto& connection : host_->connections)
      connection->call("retire", host_->module->protocol->retire);
    run();
  }

  [[nodiscard]] std::vector<LogLine> log() const {
    const std::lock_guard guard(host_->lock);
    return host_->log;
  }
  // A line of the log holds this text.
  [[nodiscard]] bool logged(std::string_view text) const {
    const std::vector<LogLine> lines = log();
    return std::any_of(lines.begin(), lines.end(),
                       [text](const LogLine& line) { return line.text.find(text) != std::string::npos; });
  }
  // Throws std::invalid_argument if the module declares no such counter.
  [[nodiscard]] std::uint64_t counter(std::string_view name) const {
    for (std::uint32_t i = 0; i < host_->module->counter_count; ++i) {
      const std::lock_guard guard(host_->lock);
      if (host_->module->counters[i].name == name) return host_->counters.at(i);
    }
    throw std::invalid_argument("the module declares no counter " + std::string(name));
  }
  // What report() of the server tells from now on: PFD_REPORT_...; before, an empty object of JSON, no
  // metrics, and that the server is ready.
  void set_report(std::uint32_t what, std::string text) {
    const std::lock_guard guard(host_->lock);
    host_->reports.at(what) = std::move(text);
  }
  // Breaches of the interface, which harm the module in a server. A good test checks that it is empty.
  [[nodiscard]] std::vector<std::string> problems() const {
    const std::lock_guard guard(host_->lock);
    return host_->problems;
  }

 private:
  struct State {
    std::shared_ptr<detail::ServiceState> service;
    std::unique_ptr<detail::ApplicationThread> thread;  // of a blocking module
  };

  // Of the loop thread.
  void* loop_state() { return (loop_state_ ? *loop_state_ : states_[0]).service->state; }

  Client open(std::uint64_t id, const std::string& peer, const std::string& luggage,
              const std::shared_ptr<const Tls>& tls) {
    auto connection = std::make_shared<detail::Connection>();
    connection->host = host_;
    connection->state = loop_state();
    connection->id = id;
    connection->peer = peer;
    connection->tls = tls;
    host_->connections.push_back(connection);
    connection->start(luggage.empty() ? nullptr : &luggage);
    host_->loop.run_ready();
    return Client(connection);
  }

  void preload(std::size_t max) {
    const auto service = std::make_shared<detail::ServiceState>();
    service->host = host_;
    host_->states.push_back(service);
    host_->preloaded.set_max(max);
    void* root = nullptr;
    std::array<char, 512> error{};
    int code = -1;
    detail::call_module(*host_, "preload", [&] {
      code = host_->module->preload(detail::host_table(), raw(*service), host_->preloaded.arena(), &root,
                                    error.data(), error.size());
    });
    if (code != 0 || root == nullptr) throw LoadError("preload failed: " + std::string(error.data()));
    host_->preloaded.set_root(root);
  }

  void start_state(std::uint32_t index, bool in_loop) {
    State state{std::make_shared<detail::ServiceState>(), nullptr};
    state.service->host = host_;
    host_->states.push_back(state.service);
    state.service->thread = index;
    state.service->in_loop = in_loop;
    if (!in_loop) state.thread = std::make_unique<detail::ApplicationThread>();
    struct Result {
      int code = -1;
      std::array<char, 512> error{};
    };
    const auto result = std::make_shared<Result>();
    run_in(state, [service = state.service, result] {
      detail::call_module(*service->host, "init", [&] {
        result->code = service->host->module->init(detail::host_table(), raw(*service), &service->state,
                                                   result->error.data(), result->error.size());
      });
    });
    if (state.thread && state.thread->busy()) throw LoadError("init does not return");
    if (result->code != 0) throw LoadError("init failed: " + std::string(result->error.data()));
    if (in_loop && host_->module->kind == PFD_BLOCKING) {
      loop_state_.emplace(std::move(state));
    } else {
      states_.push_back(std::move(state));
    }
  }

  static pfd_service* raw(detail::ServiceState& service) { return reinterpret_cast<pfd_service*>(&service); }

  // Waits for it, within the limit.
  void run_in(State& state, const std::function<void()>& job) {
    if (state.thread) {
      state.thread->post(job);
      state.thread->wait(limit_);
    } else {
      job();
    }
  }

  void in_each_state(const char* name, void (*function)(void*)) {
    for (State& state : states_) in_state(state, name, function);
    if (loop_state_) in_state(*loop_state_, name, function);
  }
  void in_state(State& state, const char* name, void (*function)(void*)) {
    if (state.thread && state.thread->busy() && !state.thread->wait(std::chrono::milliseconds(100))) return;
    run_in(state, [service = state.service, name, function] {
      detail::call_module(*service->host, name, [&] { function(service->state); });
    });
  }

  State& least_busy() {
    return *std::min_element(states_.begin(), states_.end(), [](const State& a, const State& b) {
      return (a.thread ? a.thread->unfinished() : 0) < (b.thread ? b.thread->unfinished() : 0);
    });
  }

  std::shared_ptr<detail::Exchange> new_exchange(const Ask& ask, bool body_complete) {
    auto exchange = std::make_shared<detail::Exchange>();
    exchange->host = host_;
    exchange->method = ask.method;
    exchange->target = ask.target;
    const std::size_t mark = ask.target.find('?');
    exchange->path = detail::path_of(std::string_view(ask.target).substr(0, mark));
    exchange->query = mark == ask.target.npos ? "" : ask.target.substr(mark + 1);
    exchange->authority = "localhost";
    exchange->id = host_->next_id++;
    exchange->peer = "192.0.2.7:" + std::to_string(4000 + exchange->id);
    exchange->fields = ask.fields;
    for (const auto& [name, value] : exchange->fields) {
      exchange->raw_fields.push_back({detail::str(name), detail::str(value)});
    }
    exchange->tls = host_->tls;
    exchange->in_pieces = (host_->module->flags & PFD_PIECES) != 0;
    if ((host_->module->flags & PFD_NO_BODY) == 0) exchange->body = ask.body;
    exchange->body_complete = body_complete;
    exchange->reading = ask.reads;
    host_->exchanges.push_back(exchange);
    return exchange;
  }

  Pending start(const Ask& ask, bool body_complete) {
    if (host_->module->kind == PFD_PROTOCOL) throw std::logic_error("the module does not serve HTTP");
    auto exchange = new_exchange(ask, body_complete);
    State& state = least_busy();
    exchange->state = state.service->state;
    const auto handle = [exchange] {
      auto* request = reinterpret_cast<pfd_request*>(exchange.get());
      detail::call_module(*exchange->host, "handle",
                          [&] { exchange->host->module->handle(exchange->state, request); });
      detail::host_drop(request);
    };
    if (state.thread) {
      state.thread->post(handle);
    } else {
      handle();
    }
    return Pending(exchange, limit_);
  }

  std::shared_ptr<detail::Host> host_;
  std::chrono::nanoseconds limit_;
  std::vector<State> states_;        // one; or those of the application threads
  std::optional<State> loop_state_;  // of a blocking module that takes connections over
};

}  // namespace pfd::testing

#endif
