// curl judges: one process keeps its connection whatever happens to the server, each suite, certificates of
// both sides, files.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>
#include <random>

#include "tests/judges/judged_server.h"
#include "tests/support/program_shelf.h"
#include "tests/support/server_status.h"
#include "tests/support/temp_directory.h"

namespace preforkd::testing {
namespace {

using Json = nlohmann::json;

std::string Curl() { return Judge("curl", "curl"); }

class Asker {
 public:
  explicit Asker(const TestKeys& keys) : keys_(keys) {}

  // `more`: arguments, a URL last. It prints the body, then what `print` says.
  [[nodiscard]] CommandResult Ask(std::vector<std::string> more, const std::string& print = {}) const {
    std::vector<std::string> words = {Curl(), "-4", "-sS", "--cacert", keys_.Path("authority.pem"),
                                      "-w",   print};
    words.insert(words.end(), more.begin(), more.end());
    return RunCommand(words);
  }

 private:
  const TestKeys& keys_;
};

// One process that asks again and again on one connection, and prints a line for each answer: status, version
// of HTTP, new connections.
class Keeper {
 public:
  Keeper(const TestKeys& keys, const JudgedServer& server, int requests)
      : requests_(requests),
        curl_({Curl(), "-4", "-sS", "--cacert", keys.Path("authority.pem"), "--rate", "50/s", "-o",
               "/dev/null", "-w", "%{http_code} %{http_version} %{num_connects}\n",
               server.Url(fmt::format("/?[1-{}]", requests))}) {}

  // So many answers more, none on a new connection but the first.
  void AwaitAnswers(int count) {
    for (; count > 0; --count) {
      CAPTURE(answered_);
      CAPTURE(curl_.Written());
      REQUIRE(curl_.Shows(answered_ == 0 ? "200 1.1 1\r\n" : "200 1.1 0\r\n"));
      ++answered_;
    }
  }
  // It stops where it is, and the server has its connection parked: no request is under way that a kill could
  // hit.
  void Pause(const DaemonProcess& daemon) const {
    REQUIRE(::kill(curl_.Pid(), SIGSTOP) == 0);
    REQUIRE(daemon.AwaitAllParked());
  }
  void Resume() const { REQUIRE(::kill(curl_.Pid(), SIGCONT) == 0); }
  // All the others, and its end.
  void Finish() {
    CHECK(curl_.Wait() == 0);
    AwaitAnswers(requests_ - answered_);
    CHECK(std::count(curl_.Written().begin(), curl_.Written().end(), '\n') == requests_);
  }

 private:
  const int requests_;
  int answered_ = 0;
  TerminalCommand curl_;
};

std::string Openssl(std::vector<std::string> words) {
  words.insert(words.begin(), Judge("openssl", "openssl"));
  const CommandResult result = RunCommand(words);
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  return result.out;
}

// What the authority says of the certificate "site" in NAME.der: "V", it is valid, or "R", it was revoked.
void MakeStaple(const TestKeys& keys, const std::string& name, const std::string& status) {
  const std::string authority = keys.Path("authority.pem");
  std::string serial = Openssl({"x509", "-in", keys.Path("site.pem"), "-noout", "-serial"});
  serial = serial.substr(serial.find('=') + 1);
  serial.pop_back();
  const std::string since = status == "R" ? "260101000000Z" : "";
  WriteFile(keys.Path("index"),
            fmt::format("{}\t400101000000Z\t{}\t{}\tunknown\t/CN=localhost\n", status, since, serial));
  const std::string request = keys.Path("request.der");
  Openssl({"ocsp", "-issuer", authority, "-cert", keys.Path("site.pem"), "-no_nonce", "-reqout", request});
  Openssl({"ocsp", "-index", keys.Path("index"), "-rsigner", authority, "-rkey", keys.Path("authority.key"),
           "-CA", authority, "-reqin", request, "-respout", keys.Path(name + ".der"), "-ndays", "7"});
}

}  // namespace

TEST_CASE("one curl has one connection, over reloads and kills of all workers and all gates") {
  if (Curl().empty()) return;
  const TestKeys keys;
  MakeSite(keys);
  JudgedServer server(keys);
  Keeper keeper(keys, server, 60);
  for (int i = 0; i < 5; ++i) {
    keeper.AwaitAnswers(4);
    REQUIRE(server.Daemon().Reload());
  }
  for (const char* pool : {"main", "gates"}) {
    keeper.AwaitAnswers(4);
    keeper.Pause(server.Daemon());
    server.Kill(pool);
    keeper.Resume();
  }
  keeper.Finish();
  CHECK(AskStatus(server.Status()).accepted_at_first == 1);
}

TEST_CASE("one curl has one connection, over upgrades in place") {
  if (Curl().empty()) return;
  const TestKeys keys;
  MakeSite(keys);
  ProgramShelf shelf(kPreforkd);
  JudgedServer server(keys, {.binary = shelf.Path()});
  Keeper keeper(keys, server, 30);
  for (const char* program : {kPreforkdNext, kPreforkd, kPreforkdNext}) {
    keeper.AwaitAnswers(4);
    shelf.Put(program);
    REQUIRE(Ctl(server.Daemon(), {"upgrade", "--wait"}).code == 0);
  }
  keeper.Finish();
}

TEST_CASE("each version and suite; ALPN takes http/1.1 and refuses what is not offered") {
  if (Curl().empty()) return;
  const TestKeys keys;
  MakeSite(keys);
  JudgedServer server(keys);
  const Asker asker(keys);
  const std::string code = "%{http_code} %{http_version}";
  const std::string url = server.Url("/");
  for (const char* suite :
       {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}) {
    CAPTURE(std::string(suite));
    CHECK(asker.Ask({"-o", "/dev/null", "--tlsv1.3", "--tls13-ciphers", suite, url}, code).out == "200 1.1");
  }
  for (const char* suite :
       {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"}) {
    CAPTURE(std::string(suite));
    CHECK(asker.Ask({"-o", "/dev/null", "--tls-max", "1.2", "--ciphers", suite, url}, code).out == "200 1.1");
  }
  for (const char* with : {"--http2", "--http1.1", "--no-alpn"}) {
    CAPTURE(std::string(with));
    const CommandResult result = asker.Ask({"-v", "-o", "/dev/null", with, url}, code);
    CHECK(result.out == "200 1.1");
    CHECK((result.err.find("ALPN: server accepted http/1.1") != std::string::npos) ==
          (std::string(with) != "--no-alpn"));
  }
  const CommandResult old =
      asker.Ask({"--tls-max", "1.1", "--tlsv1.0", "--ciphers", "DEFAULT:@SECLEVEL=0", url});
  CHECK(old.code == 35);
  CHECK(old.err.find("alert protocol version") != std::string::npos);
}

TEST_CASE("the certificate of the name that is asked for: exact, by a wildcard, the first for others") {
  if (Curl().empty()) return;
  const TestKeys keys;
  MakeSite(keys);
  keys.Make("other", {.names = {"other.example"}, .by = "authority"});
  keys.Make("wild", {.names = {"*.wild.example"}, .by = "authority"});
  JudgedServer server(keys, {.certificates = {"other", "wild"}});
  const Asker asker(keys);
  const auto ask = [&](const std::string& name) {
    const std::string place = fmt::format("{}:{}", name, server.WebPort());
    return asker.Ask(
        {"-o", "/dev/null", "--resolve", place + ":127.0.0.1", fmt::format("https://{}/", place)},
        "%{http_code} %{ssl_verify_result}");
  };
  CHECK(ask("localhost").out == "200 0");
  CHECK(ask("other.example").out == "200 0");
  CHECK(ask("a.wild.example").out == "200 0");
  const CommandResult unknown = ask("unknown.example");
  CHECK(unknown.code == 60);
  CHECK(unknown.err.find("no alternative certificate subject name matches") != std::string::npos);
}

TEST_CASE("an OCSP response that is stapled: curl wants one, and believes it") {
  if (Curl().empty() || Judge("openssl", "openssl").empty()) return;
  const TestKeys keys;
  MakeSite(keys);
  MakeStaple(keys, "good", "V");
  MakeStaple(keys, "revoked", "R");
  const Asker asker(keys);
  const auto ask = [&](const std::string& staple, const char* version) {
    JudgedServer server(keys, {.staple = staple});
    return asker.Ask({"--cert-status", "-o", "/dev/null", "--tls-max", version, server.Url("/")},
                     "%{http_code}");
  };
  for (const char* version : {"1.2", "1.3"}) {
    CAPTURE(std::string(version));
    CHECK(ask(keys.Path("good.der"), version).out == "200");
    // It is not sent, and the site serves.
    for (const std::string& other : {std::string(), keys.Path("revoked.der")})
      CHECK(ask(other, version).err.find("No OCSP response received") != std::string::npos);
  }
  JudgedServer server(keys, {.staple = keys.Path("revoked.der")});
  CHECK(server.Daemon().AwaitEvents("certificate_ends level=warning state=revoked", 1) == 1);
}

TEST_CASE("client certificates: off, optional and required") {
  if (Curl().empty()) return;
  const TestKeys keys;
  MakeSite(keys);
  keys.Make("member", {.names = {"member"}, .by = "authority"});
  keys.Make("foreign", {.names = {"foreign"}});
  const Asker asker(keys);
  const auto with = [&](const std::string& name) -> std::vector<std::string> {
    if (name.empty()) return {};
    return {"--cert", keys.Path(name + ".pem"), "--key", keys.Path(name + ".key")};
  };
  for (const char* mode : {"off", "optional", "required"}) {
    CAPTURE(std::string(mode));
    const bool off = std::string(mode) == "off";
    JudgedServer server(keys, {.client_certificates = off ? "" : mode});
    std::size_t answers = 0;
    for (const char* version : {"1.2", "1.3"}) {
      CAPTURE(std::string(version));
      const auto ask = [&](const std::string& name) {
        std::vector<std::string> words = with(name);
        words.insert(words.end(), {"-o", "/dev/null", "--tls-max", version, server.Url("/")});
        CommandResult result = asker.Ask(words, "%{http_code}");
        answers += result.code == 0 ? 1 : 0;
        return result;
      };
      CHECK(ask("member").out == "200");
      const Json line = Json::parse(server.AccessLines(answers).at(answers - 1));
      CHECK(line.value("client_subject", "") == (off ? "" : "CN=member"));
      const CommandResult nobody = ask("");
      CHECK((nobody.code == 0) == (std::string(mode) != "required"));
      const CommandResult foreign = ask("foreign");
      CHECK((foreign.code == 0) == off);
      if (!off) CHECK(foreign.err.find("unknown ca") != std::string::npos);
    }
  }
}

TEST_CASE("files: whole, in part, and one that is on its way while the server reloads") {
  if (Curl().empty()) return;
  const TestKeys keys;
  MakeSite(keys);
  const TempDirectory root;
  std::mt19937_64 random(3);
  std::string bytes(10'000'000, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  WriteFile(root.Path("file.bin"), bytes);
  JudgedServer server(keys, {.root = root.Path("")});
  const Asker asker(keys);
  for (const char* version : {"1.2", "1.3"}) {
    CAPTURE(std::string(version));
    const CommandResult whole = asker.Ask({"--tls-max", version, server.Url("/file.bin")});
    CHECK((whole.out == bytes));
    const CommandResult part =
        asker.Ask({"--tls-max", version, "-r", "1000000-3999999", server.Url("/file.bin")});
    CHECK((part.out == bytes.substr(1'000'000, 3'000'000)));
  }
  const TempDirectory folder;
  const std::string place = folder.Path("got");
  TerminalCommand slow({Curl(), "-4", "-sS", "--cacert", keys.Path("authority.pem"), "--limit-rate", "8M",
                        "-o", place, server.Url("/file.bin")});
  REQUIRE(WaitUntil(kTimeout, [&] { return ReadFile(place).size() > 1'000'000; }));
  CHECK(server.Daemon().Reload());
  CHECK(slow.Wait() == 0);
  CHECK((ReadFile(place) == bytes));
}

TEST_CASE("a plain request to the TLS port gets a 400 that says so") {
  if (Curl().empty()) return;
  const TestKeys keys;
  MakeSite(keys);
  JudgedServer server(keys);
  const CommandResult plain = Asker(keys).Ask({fmt::format("http://localhost:{}/", server.WebPort())},
                                              "%{http_code} %{content_type}");
  CHECK(plain.code == 0);
  CHECK(plain.out.ends_with("400 text/plain"));
  CHECK(plain.out.find("https://") != std::string::npos);
}

}  // namespace preforkd::testing
