// A module in Rust: its tables are those of module.h, it answers like any other, and a panic costs one
// request.
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <stddef.h>

#include <map>
#include <preforkd/testing.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tests/module/paths.h"

using pfd::testing::Answer;
using pfd::testing::LoadError;
using pfd::testing::Module;
using pfd::testing::Peer;
using pfd::testing::Server;
using preforkd::testing::ModulePath;

namespace {

// Each table, "pfd_str", and each of its members, "pfd_str.data": where it begins, and its size.
using Layout = std::map<std::string, std::pair<std::size_t, std::size_t>>;

#define PREFORKD_TABLE(table) Layout::value_type(#table, {0, sizeof(table)})
#define PREFORKD_MEMBER(table, member) \
  Layout::value_type(#table "." #member, {offsetof(table, member), sizeof(table::member)})

const Layout& HeaderLayout() {
  static const Layout layout = {
      PREFORKD_TABLE(pfd_str),
      PREFORKD_MEMBER(pfd_str, data),
      PREFORKD_MEMBER(pfd_str, size),
      PREFORKD_TABLE(pfd_field),
      PREFORKD_MEMBER(pfd_field, name),
      PREFORKD_MEMBER(pfd_field, value),
      PREFORKD_TABLE(pfd_setting),
      PREFORKD_MEMBER(pfd_setting, name),
      PREFORKD_MEMBER(pfd_setting, kind),
      PREFORKD_MEMBER(pfd_setting, required),
      PREFORKD_MEMBER(pfd_setting, min),
      PREFORKD_MEMBER(pfd_setting, max),
      PREFORKD_MEMBER(pfd_setting, fallback),
      PREFORKD_MEMBER(pfd_setting, words),
      PREFORKD_MEMBER(pfd_setting, doc),
      PREFORKD_TABLE(pfd_counter),
      PREFORKD_MEMBER(pfd_counter, name),
      PREFORKD_MEMBER(pfd_counter, help),
      PREFORKD_MEMBER(pfd_host, size),
      PREFORKD_MEMBER(pfd_host, abi),
      PREFORKD_MEMBER(pfd_host, version),
      PREFORKD_MEMBER(pfd_host, log),
      PREFORKD_MEMBER(pfd_host, text),
      PREFORKD_MEMBER(pfd_host, number),
      PREFORKD_MEMBER(pfd_host, place),
      PREFORKD_MEMBER(pfd_host, count),
      PREFORKD_MEMBER(pfd_host, post),
      PREFORKD_MEMBER(pfd_host, after),
      PREFORKD_MEMBER(pfd_host, cancel),
      PREFORKD_MEMBER(pfd_host, watch),
      PREFORKD_MEMBER(pfd_host, unwatch),
      PREFORKD_MEMBER(pfd_host, method),
      PREFORKD_MEMBER(pfd_host, target),
      PREFORKD_MEMBER(pfd_host, path),
      PREFORKD_MEMBER(pfd_host, query),
      PREFORKD_MEMBER(pfd_host, authority),
      PREFORKD_MEMBER(pfd_host, fields),
      PREFORKD_MEMBER(pfd_host, field),
      PREFORKD_MEMBER(pfd_host, peer),
      PREFORKD_MEMBER(pfd_host, connection_id),
      PREFORKD_MEMBER(pfd_host, body),
      PREFORKD_MEMBER(pfd_host, read),
      PREFORKD_MEMBER(pfd_host, respond),
      PREFORKD_MEMBER(pfd_host, respond_file),
      PREFORKD_MEMBER(pfd_host, begin),
      PREFORKD_MEMBER(pfd_host, write),
      PREFORKD_MEMBER(pfd_host, end),
      PREFORKD_MEMBER(pfd_host, keep),
      PREFORKD_MEMBER(pfd_host, drop),
      PREFORKD_MEMBER(pfd_host, gone),
      PREFORKD_MEMBER(pfd_host, set_data),
      PREFORKD_MEMBER(pfd_host, data),
      PREFORKD_MEMBER(pfd_host, client),
      PREFORKD_MEMBER(pfd_host, client_id),
      PREFORKD_MEMBER(pfd_host, send),
      PREFORKD_MEMBER(pfd_host, finish),
      PREFORKD_MEMBER(pfd_host, idle_timeout),
      PREFORKD_MEMBER(pfd_host, deadline),
      PREFORKD_MEMBER(pfd_host, count_request),
      PREFORKD_MEMBER(pfd_host, doing),
      PREFORKD_MEMBER(pfd_host, take_over),
      PREFORKD_MEMBER(pfd_host, report),
      PREFORKD_MEMBER(pfd_host, precondition),
      PREFORKD_MEMBER(pfd_host, respond_page),
      PREFORKD_MEMBER(pfd_host, allocate),
      PREFORKD_MEMBER(pfd_host, preloaded),
      PREFORKD_MEMBER(pfd_host, tls),
      PREFORKD_MEMBER(pfd_host, client_tls),
      PREFORKD_MEMBER(pfd_module, size),
      PREFORKD_MEMBER(pfd_module, abi),
      PREFORKD_MEMBER(pfd_module, name),
      PREFORKD_MEMBER(pfd_module, version),
      PREFORKD_MEMBER(pfd_module, kind),
      PREFORKD_MEMBER(pfd_module, flags),
      PREFORKD_MEMBER(pfd_module, calls),
      PREFORKD_MEMBER(pfd_module, setting_count),
      PREFORKD_MEMBER(pfd_module, counter_count),
      PREFORKD_MEMBER(pfd_module, reserved),
      PREFORKD_MEMBER(pfd_module, settings),
      PREFORKD_MEMBER(pfd_module, counters),
      PREFORKD_MEMBER(pfd_module, init),
      PREFORKD_MEMBER(pfd_module, handle),
      PREFORKD_MEMBER(pfd_module, gone),
      PREFORKD_MEMBER(pfd_module, drained),
      PREFORKD_MEMBER(pfd_module, arrived),
      PREFORKD_MEMBER(pfd_module, retire),
      PREFORKD_MEMBER(pfd_module, end),
      PREFORKD_MEMBER(pfd_module, protocol),
      PREFORKD_MEMBER(pfd_module, preload),
  };
  return layout;
}

// What the module says of its own.
Layout RustLayout(void* library) {
  using Tell = void(void*, pfd_str, std::size_t, std::size_t);
  const auto tell_all = reinterpret_cast<void (*)(Tell*, void*)>(::dlsym(library, "hello_rust_layout"));
  REQUIRE((tell_all != nullptr));
  Layout layout;
  tell_all(
      [](void* to, pfd_str name, std::size_t offset, std::size_t size) {
        static_cast<Layout*>(to)->insert_or_assign(std::string(name.data, name.size),
                                                   std::pair(offset, size));
      },
      &layout);
  return layout;
}

}  // namespace

TEST_CASE("the tables in Rust are those of the header") {
  void* const library = ::dlopen(ModulePath("hello_rust").c_str(), RTLD_NOW | RTLD_LOCAL);
  REQUIRE(library != nullptr);
  Layout rust = RustLayout(library);
  for (const auto& [name, place] : HeaderLayout()) {
    CAPTURE(name);
    REQUIRE(rust.contains(name));
    CHECK(rust.at(name).first == place.first);
    CHECK(rust.at(name).second == place.second);
  }
  // These two grow: the header may have members that this module does not know.
  CHECK(rust.at("pfd_host").second <= sizeof(pfd_host));
  CHECK(rust.at("pfd_module").second <= sizeof(pfd_module));
  // And the module has none that were not compared.
  CHECK(rust.size() == HeaderLayout().size() + 2);

  const auto describe = reinterpret_cast<const pfd_module* (*)()>(::dlsym(library, "preforkd_module"));
  REQUIRE((describe != nullptr));
  const pfd_module& table = *describe();
  CHECK(table.size == rust.at("pfd_module").second);
  CHECK(table.abi == PFD_ABI);
  CHECK(table.kind == PFD_BLOCKING);
  REQUIRE(table.setting_count == 1);
  CHECK(table.settings[0].kind == PFD_TEXT);
}

TEST_CASE("a greeting, in Rust") {
  Module m(ModulePath("hello_rust"), {{"greeting", "ahoi"}}, {.threads = 2});
  const Answer answer = m.get("/hello?name=Ada");
  CHECK(answer.status == 200);
  CHECK(answer.field("content-type") == "text/plain; charset=utf-8");
  CHECK(answer.body == "ahoi Ada, from Rust\n");
  CHECK(m.get("/hello").body == "ahoi world, from Rust\n");
  CHECK(m.counter("greetings") == 2);
  CHECK(m.post("/sum", "40\n2\n").body == "42\n");
  CHECK(m.post("/sum", "").body == "0\n");
  CHECK(m.post("/sum", "\xff").status == 400);
  CHECK(m.ask({"GET", "/agent", "", {{"User-Agent", "test"}}}).body == "test");
  CHECK(m.get("/agent").status == 404);
  CHECK(m.get("/%ff").status == 404);
  CHECK(m.problems().empty());
}

TEST_CASE("an init in Rust that refuses says why") {
  try {
    Module m(ModulePath("hello_rust"), {{"greeting", "silence"}});
    FAIL("it started");
  } catch (const LoadError& error) {
    CHECK(std::string(error.what()) == "init failed: it has nothing to say");
  }
}

TEST_CASE("a panic is answered with 500, and the next request as if nothing had been") {
  Module m(ModulePath("hello_rust"));
  CHECK(m.post("/sum", "four").status == 500);
  CHECK(m.post("/sum", "4").body == "4\n");
  REQUIRE(m.log().size() == 1);
  CHECK(m.logged("POST /sum of connection 1: panic at "));
  CHECK(m.logged("hello_rust.rs:"));
  CHECK(m.logged(": a number: ParseIntError"));
  CHECK(m.problems().empty());
}

TEST_CASE(
    "in the real server: a greeting with its setting, and a panic that costs one request and one line") {
  Server server({.module = ModulePath("hello_rust"), .settings = {{"greeting", "hi"}}});
  const std::vector<pid_t> workers = server.workers();
  {
    Peer kept = server.connect();
    REQUIRE(kept.send(Server::text_of({"GET", "/hello?name=x"})));
    CHECK(kept.take_answer().body == "hi x, from Rust\n");
    REQUIRE(kept.send(Server::text_of({"POST", "/sum", "four"})));
    CHECK(kept.take_answer().status == 500);
    REQUIRE(kept.send(Server::text_of({"POST", "/sum", "4\n5"})));
    CHECK(kept.take_answer().body == "9\n");
  }
  CHECK(server.wait_for("module_said"));
  CHECK(server.workers() == workers);
  server.set("greeting", "good day");
  REQUIRE(server.reload());
  CHECK(server.get("/hello").body == "good day world, from Rust\n");
  CHECK(server.stop() == 0);
  for (const std::string& complaint : server.complaints()) CHECK_MESSAGE(false, complaint);
  CHECK(server.lines_of("module_said").size() == 1);
  CHECK(server.lines_of("request_failed").empty());
  CHECK(server.lines_of("calls_refused").empty());
  const std::string log = server.log();
  const std::size_t first = log.find("panic");
  CHECK(first != log.npos);
  CHECK(log.find("panic", first + 1) == log.npos);
}
