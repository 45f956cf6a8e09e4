// What a module knows of the TLS session of a client.
#include <doctest/doctest.h>

#include <preforkd/testing.hpp>
#include <string>

#include "tests/module/paths.h"

using pfd::testing::Answer;
using pfd::testing::Client;
using pfd::testing::Module;
using preforkd::testing::ModulePath;

TEST_CASE("a page for clients with a certificate") {
  Module m(ModulePath("members"));
  CHECK(m.get("/").status == 403);
  CHECK(m.get("/").body.find("over TLS") != std::string::npos);
  m.set_tls(pfd::testing::Tls{});
  CHECK(m.get("/").status == 403);
  CHECK(m.get("/").body.find("a certificate") != std::string::npos);
  const std::string fingerprint(64, 'a');
  m.set_tls(pfd::testing::Tls{.resumed = true,
                              .server_name = "club.example",
                              .client_subject = "CN=anna,O=Example",
                              .client_fingerprint = fingerprint});
  const Answer answer = m.get("/");
  CHECK(answer.status == 200);
  CHECK(answer.body == "hello CN=anna,O=Example at https://club.example (TLSv1.3, resumed)\n");
  CHECK(answer.field("x-fingerprint") == fingerprint);
  m.set_tls({});
  CHECK(m.get("/").status == 403);
  CHECK(m.problems().empty());
}

TEST_CASE("a session of a protocol, which keeps its TLS when it travels") {
  Module m(ModulePath("whoami"));
  Client plain = m.connect();
  m.set_tls(pfd::testing::Tls{.version = "TLSv1.2", .cipher = "AES-256-GCM"});
  Client secure = m.connect();
  plain.send("who\n");
  CHECK(plain.take_line() == "plain");
  secure.send("who\n");
  CHECK(secure.take_line() == "TLSv1.2 AES-256-GCM nobody -");
  m.set_tls(pfd::testing::Tls{.client_subject = "CN=anna", .client_fingerprint = "00ff"});
  REQUIRE(secure.travel());
  secure.send("who\n");
  CHECK(secure.take_line() == "TLSv1.2 AES-256-GCM nobody -");
  Client anna = m.connect();
  anna.send("who\n");
  CHECK(anna.take_line() == "TLSv1.3 AES-128-GCM CN=anna 00ff");
  CHECK(m.problems().empty());
}
