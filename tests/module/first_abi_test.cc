// A module that was built when the interface began loads in this server, and in one that knows more.
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <stddef.h>
#include <stdint.h>

#include <cstdlib>
#include <preforkd/testing.hpp>
#include <string>

#include "tests/module/paths.h"

namespace first {
#define preforkd_module preforkd_module_of_the_copy  // one C function cannot return two types
#include "tests/module/first_abi/module.h"
#undef preforkd_module
}  // namespace first

using preforkd::testing::ModulePath;

// ---- what was there stays where it was, and means the same ----

#define PREFORKD_SAME(table, member)                                           \
  static_assert(offsetof(first::table, member) == offsetof(::table, member) && \
                sizeof(first::table::member) == sizeof(::table::member))

PREFORKD_SAME(pfd_str, data);
PREFORKD_SAME(pfd_str, size);

PREFORKD_SAME(pfd_field, name);
PREFORKD_SAME(pfd_field, value);

PREFORKD_SAME(pfd_setting, name);
PREFORKD_SAME(pfd_setting, kind);
PREFORKD_SAME(pfd_setting, required);
PREFORKD_SAME(pfd_setting, min);
PREFORKD_SAME(pfd_setting, max);
PREFORKD_SAME(pfd_setting, fallback);
PREFORKD_SAME(pfd_setting, words);
PREFORKD_SAME(pfd_setting, doc);

PREFORKD_SAME(pfd_counter, name);
PREFORKD_SAME(pfd_counter, help);

PREFORKD_SAME(pfd_place, size);
PREFORKD_SAME(pfd_place, slot);
PREFORKD_SAME(pfd_place, incarnation);
PREFORKD_SAME(pfd_place, generation);
PREFORKD_SAME(pfd_place, service);
PREFORKD_SAME(pfd_place, thread);
PREFORKD_SAME(pfd_place, pid);

PREFORKD_SAME(pfd_host, size);
PREFORKD_SAME(pfd_host, abi);
PREFORKD_SAME(pfd_host, version);
PREFORKD_SAME(pfd_host, log);
PREFORKD_SAME(pfd_host, text);
PREFORKD_SAME(pfd_host, number);
PREFORKD_SAME(pfd_host, place);
PREFORKD_SAME(pfd_host, count);
PREFORKD_SAME(pfd_host, post);
PREFORKD_SAME(pfd_host, after);
PREFORKD_SAME(pfd_host, cancel);
PREFORKD_SAME(pfd_host, watch);
PREFORKD_SAME(pfd_host, unwatch);
PREFORKD_SAME(pfd_host, method);
PREFORKD_SAME(pfd_host, target);
PREFORKD_SAME(pfd_host, path);
PREFORKD_SAME(pfd_host, query);
PREFORKD_SAME(pfd_host, authority);
PREFORKD_SAME(pfd_host, fields);
PREFORKD_SAME(pfd_host, field);
PREFORKD_SAME(pfd_host, peer);
PREFORKD_SAME(pfd_host, connection_id);
PREFORKD_SAME(pfd_host, body);
PREFORKD_SAME(pfd_host, read);
PREFORKD_SAME(pfd_host, respond);
PREFORKD_SAME(pfd_host, respond_file);
PREFORKD_SAME(pfd_host, begin);
PREFORKD_SAME(pfd_host, write);
PREFORKD_SAME(pfd_host, end);
PREFORKD_SAME(pfd_host, keep);
PREFORKD_SAME(pfd_host, drop);
PREFORKD_SAME(pfd_host, gone);
PREFORKD_SAME(pfd_host, set_data);
PREFORKD_SAME(pfd_host, data);
PREFORKD_SAME(pfd_host, client);
PREFORKD_SAME(pfd_host, client_id);
PREFORKD_SAME(pfd_host, send);
PREFORKD_SAME(pfd_host, finish);
PREFORKD_SAME(pfd_host, idle_timeout);
PREFORKD_SAME(pfd_host, deadline);
PREFORKD_SAME(pfd_host, count_request);
PREFORKD_SAME(pfd_host, doing);

PREFORKD_SAME(pfd_luggage, size);
PREFORKD_SAME(pfd_luggage, wake);
PREFORKD_SAME(pfd_luggage, context);
PREFORKD_SAME(pfd_luggage, capacity);
PREFORKD_SAME(pfd_luggage, used);

PREFORKD_SAME(pfd_protocol, size);
PREFORKD_SAME(pfd_protocol, reserved);
PREFORKD_SAME(pfd_protocol, open);
PREFORKD_SAME(pfd_protocol, bytes);
PREFORKD_SAME(pfd_protocol, drained);
PREFORKD_SAME(pfd_protocol, ended);
PREFORKD_SAME(pfd_protocol, timeout);
PREFORKD_SAME(pfd_protocol, pack);
PREFORKD_SAME(pfd_protocol, retire);
PREFORKD_SAME(pfd_protocol, close);

PREFORKD_SAME(pfd_module, size);
PREFORKD_SAME(pfd_module, abi);
PREFORKD_SAME(pfd_module, name);
PREFORKD_SAME(pfd_module, version);
PREFORKD_SAME(pfd_module, kind);
PREFORKD_SAME(pfd_module, flags);
PREFORKD_SAME(pfd_module, calls);
PREFORKD_SAME(pfd_module, setting_count);
PREFORKD_SAME(pfd_module, counter_count);
PREFORKD_SAME(pfd_module, reserved);
PREFORKD_SAME(pfd_module, settings);
PREFORKD_SAME(pfd_module, counters);
PREFORKD_SAME(pfd_module, init);
PREFORKD_SAME(pfd_module, handle);
PREFORKD_SAME(pfd_module, gone);
PREFORKD_SAME(pfd_module, drained);
PREFORKD_SAME(pfd_module, arrived);
PREFORKD_SAME(pfd_module, retire);
PREFORKD_SAME(pfd_module, end);
PREFORKD_SAME(pfd_module, protocol);

#define PREFORKD_EQUAL(value) static_assert(static_cast<int>(first::value) == static_cast<int>(::value))

PREFORKD_EQUAL(PFD_TEXT);
PREFORKD_EQUAL(PFD_NUMBER);
PREFORKD_EQUAL(PFD_SIZE);
PREFORKD_EQUAL(PFD_DURATION);
PREFORKD_EQUAL(PFD_FLAG);
PREFORKD_EQUAL(PFD_CHOICE);
PREFORKD_EQUAL(PFD_PATH);
PREFORKD_EQUAL(PFD_FOLDER);
PREFORKD_EQUAL(PFD_DEBUG);
PREFORKD_EQUAL(PFD_INFO);
PREFORKD_EQUAL(PFD_NOTICE);
PREFORKD_EQUAL(PFD_WARNING);
PREFORKD_EQUAL(PFD_ERROR);
PREFORKD_EQUAL(PFD_READ);
PREFORKD_EQUAL(PFD_WRITE);
PREFORKD_EQUAL(PFD_EVENT);
PREFORKD_EQUAL(PFD_BLOCKING);
PREFORKD_EQUAL(PFD_PROTOCOL);
PREFORKD_EQUAL(PFD_CALLS_NETWORK);
PREFORKD_EQUAL(PFD_CALLS_FILES);
PREFORKD_EQUAL(PFD_CALLS_PROCESSES);
PREFORKD_EQUAL(PFD_CALLS_THREADS);
PREFORKD_EQUAL(PFD_CALLS_CODE);
PREFORKD_EQUAL(PFD_PIECES);
PREFORKD_EQUAL(PFD_CLIENT_SPEAKS);

namespace {

// The table of a server that offers more than this header knows.
struct LaterHost {
  pfd_host known;
  void* more[16];
};

}  // namespace

TEST_CASE("it answers in the kit and in the real server") {
  pfd::testing::Module module(ModulePath("hello_first"));
  CHECK(module.get("/x").body == "hello from C at /x\n");
  pfd::testing::Server server({.module = ModulePath("hello_first")});
  CHECK(server.get("/x").body == "hello from C at /x\n");
  CHECK(server.stop() == 0);
}

TEST_CASE("it serves in a later server, which has a key of its own with the name of the module's setting") {
  const char* const later = std::getenv("LATER_PREFORKD");
  REQUIRE(later != nullptr);
  const std::string present = std::getenv("PREFORKD");
  REQUIRE(::setenv("PREFORKD", later, 1) == 0);
  {
    pfd::testing::Server server(
        {.module = ModulePath("hello_first"), .settings = {{"greeting", "good day"}}});
    CHECK(server.get("/x").body == "good day from C at /x\n");
    server.set("greeting", "hi");
    REQUIRE(server.reload());
    CHECK(server.get("/x").body == "hi from C at /x\n");
    CHECK(server.stop() == 0);
    CHECK(server.complaints().empty());
  }
  REQUIRE(::setenv("PREFORKD", present.c_str(), 1) == 0);
}

TEST_CASE("a server that offers more is no reason to refuse") {
  void* const library = ::dlopen(ModulePath("hello_first").c_str(), RTLD_NOW | RTLD_LOCAL);
  REQUIRE(library != nullptr);
  const auto describe = reinterpret_cast<const pfd_module* (*)()>(::dlsym(library, "preforkd_module"));
  REQUIRE((describe != nullptr));
  CHECK(describe()->size == sizeof(first::pfd_module));
  static LaterHost later{};
  later.known.size = sizeof(later);
  later.known.abi = PFD_ABI;
  void* state = nullptr;
  char error[64] = "";
  CHECK(describe()->init(&later.known, nullptr, &state, error, sizeof(error)) == 0);
  CHECK(state != nullptr);
  describe()->end(state);
}
