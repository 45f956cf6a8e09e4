// Definition: the table that a module gives the server, made of what PREFORKD_MODULE names.
//
// It is made once, never changed after and never freed. Nothing that is wrong with it is fatal at once: init
// refuses the start with the reason. No exception leaves a function here.
#ifndef PREFORKD_MODULE_DEFINE_HPP
#define PREFORKD_MODULE_DEFINE_HPP

#include <cstdio>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <vector>

#include "preload.hpp"
#include "route.hpp"
#include "session.hpp"
#include "settings.hpp"

namespace pfd::inline v1 {

// What may be named in PREFORKD_MODULE, beside routes, settings and counters.

struct Kind {
  std::uint32_t kind;
};
inline constexpr Kind blocking{PFD_BLOCKING};  // handlers may block; the default
inline constexpr Kind event{PFD_EVENT};        // handlers run in the loop thread and must not block

struct Flags {
  std::uint32_t flags;
};
inline constexpr Flags pieces{PFD_PIECES};                // handlers read the body in pieces
inline constexpr Flags no_body{PFD_NO_BODY};              // handlers need no body: it is discarded
inline constexpr Flags client_speaks{PFD_CLIENT_SPEAKS};  // of a protocol: the client sends first

// System calls that handlers need beyond those of serving; see module.h.
struct Calls {
  std::uint32_t calls;
};
inline constexpr Calls uses_network{PFD_CALLS_NETWORK};
inline constexpr Calls uses_files{PFD_CALLS_FILES};
inline constexpr Calls uses_processes{PFD_CALLS_PROCESSES};
inline constexpr Calls uses_threads{PFD_CALLS_THREADS};
inline constexpr Calls uses_code{PFD_CALLS_CODE};

struct version {
  const char* text;  // a literal
};

// An object of this class for each state: one for the loop thread, or one for each application thread. Made
// by init with State(pfd::Service) or State(); if that throws, the start is refused with what(). `void
// retire()` is called, if it has one, when the worker takes no more clients; the destructor when the worker
// exits in order.
template <class State>
struct StateOption {};
template <class State>
inline constexpr StateOption<State> state{};

template <class Client>
struct ProtocolOption {};
template <class Client>
inline constexpr ProtocolOption<Client> protocol{};

// The sessions of connections that handlers switch to another protocol: pfd::upgrade(), in response.hpp. They
// run in the loop thread. In a blocking module its state is one of their own, which pfd::state<> makes, too.
template <class Client>
struct UpgradeOption {};
template <class Client>
inline constexpr UpgradeOption<Client> upgrades_to{};

namespace detail {

struct Definition {
  pfd_module table{};
  std::vector<pfd_setting> settings;
  std::vector<pfd_counter> counters;
  pfd_protocol protocol{};
  Router router;
  const std::type_info* state_type = &typeid(void);
  const std::type_info* wanted_state = &typeid(void);  // by a route
  bool coroutines = false;
  bool takes_over = false;  // connections, by pfd::upgrades_to<>
  void* (*make_state)(Service) = nullptr;
  void (*retire_state)(void*) = nullptr;
  void (*destroy_state)(void*) = nullptr;
  Preloading preload;
  std::string problem;  // the first one

  // One at a time: application threads are started side by side.
  mutable std::mutex lock;
  mutable std::vector<std::unique_ptr<Instance>> instances;
};

inline void note_problem(Definition& to, const std::string& problem) {
  if (to.problem.empty()) to.problem = problem;
}

inline void add(Definition& to, Kind kind) { to.table.kind = kind.kind; }
inline void add(Definition& to, Flags flags) { to.table.flags |= flags.flags; }
inline void add(Definition& to, Calls calls) { to.table.calls |= calls.calls; }
inline void add(Definition& to, version added) { to.table.version = added.text; }
inline void add(Definition& to, const AnySetting& setting) { to.settings.push_back(setting.entry); }
inline void add(Definition& to, const Counter& counter) {
  counter.set_index(static_cast<std::uint32_t>(to.counters.size()));
  to.counters.push_back(counter.entry());
}

inline void add(Definition& to, const route& added) {
  note_problem(to, to.router.add(added));
  to.coroutines |= added.coroutine();
  if (added.state() == typeid(void)) return;
  if (*to.wanted_state != typeid(void) && *to.wanted_state != added.state()) {
    note_problem(to, "its routes are members of two classes; a module has one state");
  }
  to.wanted_state = &added.state();
}

template <class State>
void add(Definition& to, StateOption<State>) {
  if (to.make_state != nullptr) note_problem(to, "it has two states");
  to.state_type = &typeid(State);
  to.make_state = [](Service service) -> void* {
    if constexpr (std::is_constructible_v<State, Service>) {
      return new State(service);
    } else {
      return static_cast<void>(service), new State();
    }
  };
  if constexpr (requires(State & state) { state.retire(); }) {
    to.retire_state = [](void* state) { static_cast<State*>(state)->retire(); };
  }
  to.destroy_state = [](void* state) { delete static_cast<State*>(state); };
}

template <class Client>
void add(Definition& to, ProtocolOption<Client>) {
  static_assert(std::is_base_of_v<Session, Client>, "a protocol is a class derived from pfd::Session");
  to.protocol = ProtocolOf<Client>::table();
  to.table.kind = PFD_PROTOCOL;
}

template <class Client>
void add(Definition& to, UpgradeOption<Client>) {
  static_assert(std::is_base_of_v<Session, Client>,
                "a connection is taken over by a class derived from pfd::Session");
  to.protocol = ProtocolOf<Client>::table();
  to.takes_over = true;
}

// The state that is made now is of the loop thread.
inline bool of_loop(const Definition& definition, const pfd_host& host, pfd_service* service) {
  if (definition.table.kind != PFD_BLOCKING) return true;
  pfd_place place{};
  place.size = sizeof(place);
  host.place(service, &place);
  return PFD_HAS(&place, in_loop) && place.in_loop != 0;
}

template <class Data>
void add(Definition& to, PreloadOption<Data>) {
  if (to.preload.make != nullptr) note_problem(to, "it preloads two classes; a module has one");
  to.preload = preloading_of<Data>();
}

inline const Preloading& preloading(const Definition& definition) { return definition.preload; }

// Only inside a catch block.
inline void write_reason(char* error, std::size_t error_size) noexcept {
  try {
    throw;
  } catch (const std::exception& reason) {
    std::snprintf(error, error_size, "%s", reason.what());
  } catch (...) {
    std::snprintf(error, error_size, "an exception that is no std::exception");
  }
}

inline int init(const Definition& definition, const pfd_host* host, pfd_service* service, void** state,
                char* error, std::size_t error_size) noexcept {
  try {
    if (host->abi != PFD_ABI) {
      throw std::runtime_error("the server's interface is " + std::to_string(host->abi) +
                               ", this module was built for " + std::to_string(PFD_ABI));
    }
    if (!definition.problem.empty()) throw std::logic_error(definition.problem);
    const bool in_loop = of_loop(definition, *host, service);
    auto made = std::make_unique<Instance>(Instance{&definition, host, service, nullptr, in_loop});
    if (definition.preload.make != nullptr && preloaded_root(made.get()) == nullptr) {
      throw std::runtime_error("the server is too old for pfd::preload");
    }
    const Scope scope(made.get(), in_loop);
    if (definition.make_state != nullptr) made->state = definition.make_state(Service(made.get()));
    const std::lock_guard guard(definition.lock);
    *state = made.get();
    definition.instances.push_back(std::move(made));
    return 0;
  } catch (...) {
    write_reason(error, error_size);
  }
  return -1;
}

inline int run_preload(const Definition& definition, const pfd_host* host, pfd_service* service,
                       pfd_arena* arena, void** root, char* error, std::size_t error_size) noexcept {
  try {
    if (!definition.problem.empty()) throw std::logic_error(definition.problem);
    Instance instance{&definition, host, service, nullptr, false};
    const Scope scope(&instance, false);
    const PreloadMemory memory(host, arena);
    *root = definition.preload.make(Service(&instance));
    return 0;
  } catch (...) {
    write_reason(error, error_size);
  }
  return -1;
}

inline void handle(void* state, pfd_request* raw) noexcept {
  auto* instance = static_cast<Instance*>(state);
  const Scope scope(instance, instance->in_loop);
  Request request(instance, raw);
  try {
    instance->definition->router.dispatch(request);
  } catch (...) {
    answer_exception(request);
  }
}

template <void (Kept::*kTell)()>
void tell(void* state, pfd_request* request) noexcept {
  auto* instance = static_cast<Instance*>(state);
  const Scope scope(instance, true);
  const KeptRef kept(Kept::find(instance, request));
  if (kept) (kept.get()->*kTell)();
}

inline void retire(void* state) noexcept {
  auto* instance = static_cast<Instance*>(state);
  const Scope scope(instance, instance->in_loop);
  const auto retire_state = instance->definition->retire_state;
  if (retire_state != nullptr) guarded(instance, "retire", [&] { retire_state(instance->state); });
}

inline void end(void* state) noexcept {
  auto* instance = static_cast<Instance*>(state);
  const Scope scope(instance, instance->in_loop);
  const auto destroy = instance->definition->destroy_state;
  if (destroy != nullptr) guarded(instance, "end", [&] { destroy(std::exchange(instance->state, nullptr)); });
}

inline void check(Definition& made) {
  if (made.table.kind == PFD_BLOCKING && made.coroutines) {
    note_problem(made, "its handlers are coroutines, which need pfd::event");
  }
  if (made.table.kind == PFD_PROTOCOL && made.takes_over) {
    note_problem(made, "it has both pfd::protocol<> and pfd::upgrades_to<>");
  }
  if (*made.wanted_state != typeid(void) && *made.wanted_state != *made.state_type) {
    note_problem(made, "its routes are members of a class that pfd::state<> does not name");
  }
}

// `definition`: where the init function of the macro finds it.
template <class... Options>
Definition* define(const char* name, const Options&... options) {
  auto* made = new Definition;
  made->table.size = sizeof(pfd_module);
  made->table.abi = PFD_ABI;
  made->table.name = name;
  made->table.version = "";
  made->table.kind = PFD_BLOCKING;
  (add(*made, options), ...);
  check(*made);
  made->table.setting_count = static_cast<std::uint32_t>(made->settings.size());
  made->table.settings = made->settings.data();
  made->table.counter_count = static_cast<std::uint32_t>(made->counters.size());
  made->table.counters = made->counters.data();
  made->table.handle = handle;
  made->table.gone = tell<&Kept::tell_gone>;
  made->table.drained = tell<&Kept::tell_drained>;
  made->table.arrived = tell<&Kept::tell_arrived>;
  made->table.retire = retire;
  made->table.end = end;
  if (made->table.kind == PFD_PROTOCOL || made->takes_over) made->table.protocol = &made->protocol;
  return made;
}

}  // namespace detail
}  // namespace pfd::inline v1

#endif
