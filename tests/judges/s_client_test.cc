// OpenSSL's s_client judges: resumption, key updates, versions, small records, renegotiation.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include "tests/judges/judged_server.h"
#include "tests/support/temp_directory.h"

namespace preforkd::testing {
namespace {

constexpr const char* kVersions[] = {"-tls1_2", "-tls1_3"};

std::string Openssl() { return Judge("openssl", "openssl"); }

std::vector<std::string> Words(const TestKeys& keys, const std::string& address,
                               const std::vector<std::string>& more) {
  std::vector<std::string> words = {Openssl(),
                                    "s_client",
                                    "-connect",
                                    address,
                                    "-servername",
                                    "localhost",
                                    "-CAfile",
                                    keys.Path("authority.pem"),
                                    "-verify_return_error",
                                    "-crlf"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// It connects and leaves; what it has said.
std::string Visit(const TestKeys& keys, const std::string& address, const std::vector<std::string>& more) {
  const CommandResult result = RunCommand(Words(keys, address, more));
  return result.out + result.err;
}

class Visitor : public SeatedJudge {
 public:
  Visitor(const TestKeys& keys, const std::string& address, const std::vector<std::string>& more)
      : SeatedJudge(Words(keys, address, more)) {}

  void Command(const char* letter) { client_.Type(std::string(letter) + "\n"); }
  [[nodiscard]] int Leave() {
    Command("Q");
    return client_.Wait();
  }
};

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a session is resumed in both versions, also after a reload and with other gates") {
  if (Openssl().empty()) return;
  const TestKeys keys;
  MakeSite(keys);
  const TempDirectory root;
  WriteFile(root.Path("index.html"), "the end\n");
  JudgedServer server(keys, {.root = root.Path("")});
  const TempDirectory folder;
  for (const char* version : kVersions) {
    CAPTURE(std::string(version));
    const std::string session = folder.Path(std::string("session") + version);
    {
      Visitor first(keys, server.Web(), {version, "-sess_out", session});
      REQUIRE(first.Shows("New, TLSv1."));
      REQUIRE(first.Gets("/"));
      CHECK(first.Leave() == 0);
    }
    const auto resumes = [&] {
      Visitor again(keys, server.Web(), {version, "-sess_in", session});
      return again.Shows("Reused, TLSv1.") && again.Gets("/") && again.Leave() == 0;
    };
    CHECK(resumes());
    REQUIRE(server.Daemon().Reload());
    CHECK(resumes());
    server.Kill("gates");
    CHECK(resumes());
  }
}

TEST_CASE("-reconnect: five sessions more, all resumed") {
  if (Openssl().empty()) return;
  const TestKeys keys;
  MakeSite(keys);
  JudgedServer server(keys);
  const std::string said = Visit(keys, server.Web(), {"-tls1_2", "-reconnect"});
  CAPTURE(said);
  std::size_t reused = 0;
  for (std::size_t at = said.find("Reused,"); at != std::string::npos; at = said.find("Reused,", at + 1))
    ++reused;
  CHECK(reused == 5);
}

TEST_CASE("keys are updated, asked for and not, while the connection is served, parked and reloaded") {
  if (Openssl().empty()) return;
  const TestKeys keys;
  MakeSite(keys);
  const TempDirectory root;
  WriteFile(root.Path("index.html"), "the end\n");
  JudgedServer server(keys, {.root = root.Path("")});
  Visitor client(keys, server.Web(), {"-tls1_3"});
  REQUIRE(client.Gets("/"));
  for (const char* letter : {"k", "K"}) {
    CAPTURE(std::string(letter));
    for (int i = 0; i < 3; ++i) {
      client.Command(letter);
      REQUIRE(client.Shows("KEYUPDATE"));
      REQUIRE(client.Gets("/"));
      REQUIRE(server.Daemon().AwaitAllParked());
      client.Command(letter);  // wakes a parked connection
      REQUIRE(client.Shows("KEYUPDATE"));
      REQUIRE(server.Daemon().AwaitAllParked());
      REQUIRE(server.Daemon().Reload());
      REQUIRE(client.Gets("/"));
    }
  }
  CHECK(client.Leave() == 0);
}

TEST_CASE("TLS 1.1 is refused with the alert protocol_version, and SSL's compression is not offered") {
  if (Openssl().empty()) return;
  const TestKeys keys;
  MakeSite(keys);
  JudgedServer server(keys);
  const std::string said = Visit(keys, server.Web(), {"-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"});
  CAPTURE(said);
  CHECK(Contains(said, "SSL alert number 70"));
  for (const char* version : kVersions) {
    const std::string good = Visit(keys, server.Web(), {version, "-comp"});
    CAPTURE(good);
    CHECK(Contains(good, "Verification: OK"));
    CHECK(Contains(good, "Compression: NONE"));
    CHECK_FALSE(Contains(good, "SSL alert number"));
  }
}

TEST_CASE("a client with small buffers gets small records") {
  if (Openssl().empty()) return;
  const TestKeys keys;
  MakeSite(keys);
  const TempDirectory root;
  WriteFile(root.Path("index.html"), std::string(50'000, 'x') + "the end\n");
  JudgedServer server(keys, {.root = root.Path("")});
  for (const char* version : kVersions) {
    for (const char* size : {"512", "4096"}) {
      CAPTURE(std::string(version));
      CAPTURE(std::string(size));
      Visitor client(keys, server.Web(), {version, "-maxfraglen", size});
      for (int i = 0; i < 2; ++i) {
        REQUIRE(client.Gets("/"));
        REQUIRE(server.Daemon().AwaitAllParked());
      }
      CHECK(client.Leave() == 0);
    }
  }
}

TEST_CASE("a renegotiation is refused") {
  if (Openssl().empty()) return;
  const TestKeys keys;
  MakeSite(keys);
  JudgedServer server(keys);
  Visitor client(keys, server.Web(), {"-tls1_2"});
  REQUIRE(client.Shows("Secure Renegotiation IS supported"));
  REQUIRE(client.Shows("Verify return code: 0 (ok)"));
  client.Command("R");
  CHECK(client.Shows("no renegotiation"));
}

TEST_CASE("ALPN: h2 alone is refused, http/1.1 is taken") {
  if (Openssl().empty()) return;
  const TestKeys keys;
  MakeSite(keys);
  JudgedServer server(keys);
  for (const char* version : kVersions) {
    CHECK(Contains(Visit(keys, server.Web(), {version, "-alpn", "h2"}), "SSL alert number 120"));
    CHECK(Contains(Visit(keys, server.Web(), {version, "-alpn", "h2,http/1.1"}), "ALPN protocol: http/1.1"));
  }
}

}  // namespace preforkd::testing
