// Modules in the real server, by the kit: reloads, killed workers, sessions that travel, a new file under a
// path.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <preforkd/testing.hpp>
#include <string>

#include "tests/module/paths.h"

using pfd::testing::Answer;
using pfd::testing::Peer;
using pfd::testing::Server;
using pfd::testing::ServerOptions;
using preforkd::testing::ModulePath;

namespace {

class Running : public Server {
 public:
  explicit Running(ServerOptions options) : Server(std::move(options)) {}
  ~Running() {
    CHECK(stop() == 0);
    for (const std::string& complaint : complaints()) CHECK_MESSAGE(false, complaint);
  }
};

}  // namespace

TEST_CASE("blocking, event and C") {
  for (const char* name : {"hello", "hello_event", "hello_c"}) {
    CAPTURE(name);
    Running server({.module = ModulePath(name), .workers = 2});
    const Answer answer = server.get("/hello");
    CHECK(answer.status == 200);
    CHECK(answer.complete);
    CHECK(answer.body.starts_with("hello "));
    CHECK(server.ask({"HEAD", "/hello"}).body.empty());
  }
}

TEST_CASE("a changed setting comes with a reload, on a kept connection") {
  Running server({.module = ModulePath("hello"), .settings = {{"greeting", "hi"}}, .workers = 2});
  Peer kept = server.connect();
  REQUIRE(kept.send(Server::text_of({"GET", "/hello"})));
  CHECK(kept.take_answer().body == "hi world\n");
  server.set("greeting", "good day");
  REQUIRE(server.reload());
  REQUIRE(kept.send(Server::text_of({"GET", "/hello"})));
  CHECK(kept.take_answer().body == "good day world\n");
}

TEST_CASE("a wrong setting is refused, and the old generation serves on") {
  Running server({.module = ModulePath("hello"), .settings = {{"greeting", "hi"}}});
  server.set("greeting", "");
  CHECK_FALSE(server.reload());
  CHECK(server.get("/hello").body == "hi world\n");
}

TEST_CASE("a new file under the same path comes with a reload") {
  std::string folder = (std::filesystem::temp_directory_path() / "module-XXXXXX").string();
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  const std::string path = folder + "/served.so";
  std::filesystem::copy_file(ModulePath("hello"), path);
  {
    Running server({.module = path, .workers = 2});
    CHECK(server.get("/hello").body == "hello world\n");
    std::filesystem::copy_file(ModulePath("hello_c"), path + ".new");
    std::filesystem::rename(path + ".new", path);
    REQUIRE(server.reload());
    for (int i = 0; i < 10; ++i) CHECK(server.get("/hello").body == "hello from C at /hello\n");
  }
  std::filesystem::remove_all(folder);
}

TEST_CASE("the others serve while a worker is killed") {
  Running server({.module = ModulePath("hello"), .workers = 2});
  const pid_t killed = server.kill_worker();
  for (const pid_t pid : server.workers()) CHECK(pid != killed);
  CHECK(server.workers().size() == 2);
  CHECK(server.get("/hello").status == 200);
}

TEST_CASE("a chat keeps its name over a reload") {
  Running server({.module = ModulePath("chat")});
  Peer client = server.connect();
  CHECK(client.take_until("\n") == "welcome\n");
  client.send("name Ada\nsay to");
  CHECK(client.take_until("\n") == "you are Ada\n");
  REQUIRE(server.reload());
  client.send("day\n");
  CHECK(client.take_until("\n") == "Ada: today\n");
}

TEST_CASE("misbehaviour costs one request") {
  Running server({.module = ModulePath("rogue")});
  for (const char* target : {"/throws", "/line-break", "/bad-status", "/own-length", "/nothing"}) {
    CAPTURE(target);
    CHECK(server.get(target).status == 500);
  }
  CHECK(server.get("/twice").body == "first");
}
