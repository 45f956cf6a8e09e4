// preforkd/module.hpp: write a module in C++20. Header-only, over module.h; includes the standard library
// only.
//
//   #include <preforkd/module.hpp>
//
//   pfd::Response hello(const pfd::Request& request) {
//     return pfd::text("hello " + request.query("name").value_or("world") + "\n");
//   }
//   PREFORKD_MODULE("hello", pfd::route{"GET", "/hello", hello});
//
//   g++ -std=c++20 -O2 -fPIC -shared hello.cc -o hello.so
//
// Name in PREFORKD_MODULE, in any order: routes (module/route.hpp: kinds of handlers), settings and counters
// (module/settings.hpp), pfd::event for handlers that run in the loop thread and must not block,
// pfd::state<Class> for what a service needs as long as its worker lives, pfd::protocol<Session> for a
// protocol that is not HTTP (module/session.hpp), pfd::upgrades_to<Session> for connections that leave HTTP,
// such as WebSocket (pfd::upgrade() in module/response.hpp), pfd::preload<Class> for data that the workers
// share (module/preload.hpp), pfd::uses_network and others for system calls, pfd::pieces or pfd::no_body,
// pfd::version{"1.0"} (module/define.hpp).
//
// Of what goes wrong in a handler the client gets a 500, and the log what() and the connection; throw
// pfd::HttpError(404, "no such user") for another status. Destroy or join what runs in threads of your own in
// the destructor of your state.
//
// A module that is several files, or that others may load beside its own, is best built with
// -fvisibility=hidden: inline variables of two modules with the same name are one variable otherwise.
#ifndef PREFORKD_MODULE_HPP
#define PREFORKD_MODULE_HPP

#include "module.h"
#include "module/define.hpp"

// Once in a module, in no namespace. After the name: what the module consists of.
#define PREFORKD_MODULE(name, ...) PREFORKD_LINKED_MODULE(preforkd_module, name __VA_OPT__(, ) __VA_ARGS__)

// The same for a module that is linked into a program with others: `function`, declared before as `const
// pfd_module* function(void)`, returns its table. Once in a source file.
#define PREFORKD_LINKED_MODULE(function, name, ...)                                                       \
  namespace {                                                                                             \
  const ::pfd::detail::Definition& preforkd_definition() {                                                \
    static const ::pfd::detail::Definition* const kDefinition = [] {                                      \
      auto* made = ::pfd::detail::define(name __VA_OPT__(, ) __VA_ARGS__);                                \
      made->table.init = [](const pfd_host* host, pfd_service* service, void** state, char* error,        \
                            std::size_t error_size) {                                                     \
        return ::pfd::detail::init(preforkd_definition(), host, service, state, error, error_size);       \
      };                                                                                                  \
      if (made->preload.make == nullptr) return made;                                                     \
      made->table.preload = [](const pfd_host* host, pfd_service* service, pfd_arena* arena, void** root, \
                               char* error, std::size_t error_size) {                                     \
        return ::pfd::detail::run_preload(preforkd_definition(), host, service, arena, root, error,       \
                                          error_size);                                                    \
      };                                                                                                  \
      return made;                                                                                        \
    }();                                                                                                  \
    return *kDefinition;                                                                                  \
  }                                                                                                       \
  }                                                                                                       \
  const pfd_module* function(void) { return &preforkd_definition().table; }                               \
  static_assert(PFD_ABI == 1u)

// The same with handlers that run in the loop thread and must not block.
#define PREFORKD_EVENT_MODULE(name, ...) PREFORKD_MODULE(name, ::pfd::event __VA_OPT__(, ) __VA_ARGS__)

#endif
