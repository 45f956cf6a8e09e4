// gnutls-cli judges: new keys in the middle, resumption, each suite, small records, renegotiation.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include "tests/judges/judged_server.h"
#include "tests/support/temp_directory.h"

namespace preforkd::testing {
namespace {

constexpr const char* kVersions[] = {"TLS1.2", "TLS1.3"};

std::string GnutlsCli() { return Judge("gnutls-cli", "gnutls-bin"); }

std::string Priority(const std::string& version, const std::string& more = {}) {
  return "NORMAL:-VERS-ALL:+VERS-" + version + more;
}

class Talker : public SeatedJudge {
 public:
  Talker(const TestKeys& keys, const std::string& address, std::vector<std::string> more)
      : SeatedJudge(Words(keys, address, std::move(more))) {}

  // The terminal shows what is typed, and then the answer comes.
  [[nodiscard]] bool Echoes(const std::string& line) {
    client_.Type(line + "\n");
    return Shows(line + "\r\n") && Shows(line);
  }
  void Command(const char* name) { client_.Type(fmt::format("^{}^\n", name)); }

 private:
  static std::vector<std::string> Words(const TestKeys& keys, const std::string& address,
                                        std::vector<std::string> more) {
    const std::size_t colon = address.rfind(':');
    std::vector<std::string> words = {
        GnutlsCli(),    "--inline-commands",

        "--x509cafile", keys.Path("authority.pem"), "-p", address.substr(colon + 1), "--verify-hostname",
        "localhost"};
    words.insert(words.end(), more.begin(), more.end());
    words.push_back(address.substr(0, colon));
    return words;
  }
};

}  // namespace

TEST_CASE("new keys of one side and of both, while the connection is served, parked and reloaded") {
  if (GnutlsCli().empty()) return;
  const TestKeys keys;
  MakeSite(keys);
  JudgedServer server(keys);
  Talker client(keys, server.Lines(), {"--priority", Priority("TLS1.3")});
  REQUIRE(client.Shows("Handshake was completed"));
  REQUIRE(client.Echoes("the first line"));
  int line = 0;
  for (const char* command : {"rekey", "rekey1"}) {
    CAPTURE(std::string(command));
    client.Command(command);
    REQUIRE(client.Shows("Rekey was completed"));
    REQUIRE(client.Echoes(fmt::format("line {}", ++line)));
    REQUIRE(server.Daemon().AwaitAllParked());
    client.Command(command);  // wakes a parked connection
    REQUIRE(client.Shows("Rekey was completed"));
    REQUIRE(server.Daemon().AwaitAllParked());
    REQUIRE(server.Daemon().Reload());
    REQUIRE(client.Echoes(fmt::format("line {}", ++line)));
  }
}

TEST_CASE("a session is resumed, in both versions") {
  if (GnutlsCli().empty()) return;
  const TestKeys keys;
  MakeSite(keys);
  JudgedServer server(keys);
  for (const char* version : kVersions) {
    CAPTURE(std::string(version));
    Talker client(keys, server.Lines(), {"-r", "--waitresumption", "--priority", Priority(version)});
    REQUIRE(client.Shows("This is a resumed session"));
    REQUIRE(client.Echoes("hello"));
  }
}

TEST_CASE("each suite, with small records") {
  if (GnutlsCli().empty()) return;
  const TestKeys keys;
  MakeSite(keys);
  const TempDirectory root;
  WriteFile(root.Path("index.html"), std::string(50'000, 'x') + "the end\n");
  JudgedServer server(keys, {.root = root.Path("")});
  for (const char* version : kVersions) {
    for (const char* cipher : {"AES-128-GCM", "AES-256-GCM", "CHACHA20-POLY1305"}) {
      CAPTURE(std::string(version));
      CAPTURE(std::string(cipher));
      const std::string priority = Priority(version, fmt::format(":-CIPHER-ALL:+{}", cipher));
      Talker client(keys, server.Web(), {"--crlf", "--recordsize", "512", "--priority", priority});
      REQUIRE(client.Shows(fmt::format("({})", cipher)));
      REQUIRE(client.Shows("Handshake was completed"));
      for (int i = 0; i < 2; ++i) {
        REQUIRE(client.Gets("/"));
        REQUIRE(server.Daemon().AwaitAllParked());
      }
    }
  }
}

TEST_CASE("a renegotiation is refused with a warning") {
  if (GnutlsCli().empty()) return;
  const TestKeys keys;
  MakeSite(keys);
  JudgedServer server(keys);
  Talker client(keys, server.Lines(), {"--priority", Priority("TLS1.2")});
  REQUIRE(client.Shows("Handshake was completed"));
  client.Command("renegotiate");
  CHECK(client.Shows("No renegotiation is allowed"));
}

}  // namespace preforkd::testing
