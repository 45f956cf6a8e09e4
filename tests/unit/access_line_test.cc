// The lines of the access log: their fields, and that no client can forge one.
#include "worker/connection/access_line.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>

namespace preforkd::testing {
namespace {

using std::chrono::microseconds;

// 2026-11-23T16:03:10.000042Z
const WallTime kNow = WallTime(std::chrono::seconds(1795449790) + microseconds(42));

SocketAddress Peer(const char* host) {
  const Result<ListenAddress> parsed = ParseListenAddress(std::string(host) + ":4711");
  REQUIRE(parsed.Ok());
  return parsed.Value().address;
}

struct Answer {
  SocketAddress peer = Peer("127.0.0.1");
  std::string request_line = "GET /a?b=c HTTP/1.1";
  std::string referer{};
  std::string user_agent{};
  std::string user{};
  const TlsFacts* tls = nullptr;

  [[nodiscard]] std::string Line(AccessFormat format) const {
    AccessEntry entry;
    entry.peer = &peer;
    entry.conn = ConnId{12};
    entry.request = 3;
    entry.journeys = 2;
    entry.worker = {Slot{1}, Incarnation{7}};
    entry.request_line = request_line;
    entry.status = 200;
    entry.referer = referer;
    entry.user_agent = user_agent;
    entry.user = user;
    entry.tls = tls;
    AccessLine line(format);
    const AccessLine::Parts parts = line.Begin(entry, kNow);
    return std::string(line.End(parts, 1234, microseconds(1'000'093)));
  }
  [[nodiscard]] nlohmann::json Json() const { return nlohmann::json::parse(Line(AccessFormat::kJson)); }
};

const std::string kEvil = std::string("/x\" 200 0\n127.0.0.1 - - \\ \x1b[2J\x7f\xff\xc3\xa9\t") + '\0' + "/";

TEST_CASE("a user who has shown a password") {
  CHECK(Answer{.user = "ann"}.Line(AccessFormat::kCombined).starts_with("127.0.0.1 - ann [23/Nov/2026"));
  CHECK(Answer{}.Line(AccessFormat::kCombined).starts_with("127.0.0.1 - - [23/Nov/2026"));
  CHECK(Answer{.user = " a \"b "}
            .Line(AccessFormat::kCombined)
            .starts_with("127.0.0.1 - \\x20a\\x20\\x22b\\x20 ["));
  CHECK(Answer{.user = "a \"b"}.Json()["user"] == "a \"b");
  CHECK_FALSE(Answer{}.Json().contains("user"));
  const std::string long_one(1000, '"');
  CHECK(Answer{.user = long_one}.Line(AccessFormat::kCombined).size() < LineBuffer::kMaxLine);
  CHECK(Answer{.user = long_one}.Json()["user"].get<std::string>().size() < 128);
}

bool IsOneSafeLine(const std::string& line) {
  return line.find('\n') == line.size() - 1 && std::all_of(line.begin(), line.end() - 1, [](char c) {
           return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
         });
}

}  // namespace

TEST_CASE("combined, followed by our own fields") {
  Answer answer;
  CHECK(answer.Line(AccessFormat::kCombined) ==
        "127.0.0.1 - - [23/Nov/2026:16:03:10 +0000] \"GET /a?b=c HTTP/1.1\" 200 1234 \"-\" \"-\" conn=12 "
        "request=3 "
        "slot=1 inc=7 journeys=2 duration=1.000093\n");
  answer.referer = "http://a/";
  answer.user_agent = "curl/8";
  answer.peer = Peer("[2001:db8::1]");
  CHECK(answer.Line(AccessFormat::kCombined) ==
        "2001:db8::1 - - [23/Nov/2026:16:03:10 +0000] \"GET /a?b=c HTTP/1.1\" 200 1234 \"http://a/\" "
        "\"curl/8\" conn=12 "
        "request=3 slot=1 inc=7 journeys=2 duration=1.000093\n");
}

TEST_CASE("JSON is JSON, with the same fields") {
  Answer answer;
  answer.user_agent = "curl/8";
  const nlohmann::json line = answer.Json();
  CHECK(line["time"] == "2026-11-23T16:03:10.000042Z");
  CHECK(line["peer"] == "127.0.0.1");
  CHECK(line["method"] == "GET");
  CHECK(line["target"] == "/a?b=c");
  CHECK(line["protocol"] == "HTTP/1.1");
  CHECK(line["status"] == 200);
  CHECK(line["bytes"] == 1234);
  CHECK(line["duration"] == 1.000093);
  CHECK(line["conn"] == 12);
  CHECK(line["request"] == 3);
  CHECK(line["slot"] == 1);
  CHECK(line["incarnation"] == 7);
  CHECK(line["journeys"] == 2);
  CHECK(line["referer"] == "");
  CHECK(line["user_agent"] == "curl/8");
}

TEST_CASE("JSON has the facts of a TLS session that there are; combined is what parsers know") {
  Answer answer;
  const std::string plain = answer.Line(AccessFormat::kCombined);
  for (const char* name : {"tls_version", "tls_cipher", "tls_resumed", "server_name", "client_subject"})
    CHECK_FALSE(answer.Json().contains(name));
  TlsFacts facts;
  answer.tls = &facts;
  CHECK(answer.Json()["tls_version"] == "TLSv1.3");
  CHECK(answer.Json()["tls_cipher"] == "AES-128-GCM");
  CHECK(answer.Json()["tls_resumed"] == false);
  for (const char* name : {"server_name", "client_subject", "client_fingerprint"})
    CHECK_FALSE(answer.Json().contains(name));
  facts.version = tls::Version::kTls12;
  facts.resumed = true;
  facts.server_name = "a.example";
  facts.client_subject = "CN=\"evil\n\",O=x";
  facts.client_fingerprint = std::string("\x00\x9f\xff", 3) + std::string(29, '\x5a');
  const nlohmann::json line = answer.Json();
  CHECK(line["tls_version"] == "TLSv1.2");
  CHECK(line["tls_resumed"] == true);
  CHECK(line["server_name"] == "a.example");
  CHECK(line["client_subject"] == facts.client_subject);
  std::string hex = "009fff";
  for (int i = 0; i < 29; ++i) hex += "5a";
  CHECK(line["client_fingerprint"] == hex);
  CHECK(line["duration"] == 1.000093);
  CHECK(answer.Line(AccessFormat::kCombined) == plain);
}

TEST_CASE("no client can forge a line, or break out of its field") {
  Answer answer;
  answer.request_line = "GET " + kEvil + " HTTP/1.1";
  answer.referer = kEvil;
  answer.user_agent = kEvil;
  const std::string combined = answer.Line(AccessFormat::kCombined);
  CHECK(IsOneSafeLine(combined));
  CHECK(std::count(combined.begin(), combined.end(), '"') == 6);
  CHECK(combined.find("/x\\x22 200 0\\x0a127.0.0.1 - - \\x5c \\x1b[2J\\x7f\\xff\\xc3\\xa9\\x09\\x00/") !=
        std::string::npos);
  CHECK(IsOneSafeLine(answer.Line(AccessFormat::kJson)));
  const std::string target = answer.Json()["target"];
  CHECK(target == std::string("/x\" 200 0\n127.0.0.1 - - \\ \x1b[2J\x7f\xef\xbf\xbd\xc3\xa9\t") + '\0' + "/");
}

TEST_CASE("an invalid request is shown as it is, in its own field") {
  Answer answer;
  answer.request_line = "\x16\x03\x01";
  CHECK(answer.Line(AccessFormat::kCombined).find("\"\\x16\\x03\\x01\" 200") != std::string::npos);
  CHECK(answer.Json()["refused"] == "\x16\x03\x01");
  CHECK_FALSE(answer.Json().contains("method"));
  answer.request_line.clear();
  CHECK(answer.Line(AccessFormat::kCombined).find("] \"-\" 200") != std::string::npos);
}

TEST_CASE("a long value is cut, and marked as cut; the line never exceeds what a pipe takes whole") {
  for (const char byte : {'a', '"', '\xff', '\n'}) {
    for (const std::size_t size : {600UL, 700UL, 2040UL, 2100UL, 100'000UL}) {
      CAPTURE(size);
      Answer answer;
      answer.peer = Peer("[2001:db8:1111:2222:3333:4444:5555:6666]");
      answer.request_line =
          std::string(size, byte) + " " + std::string(size, byte) + " " + std::string(size, byte);
      answer.referer = std::string(size, byte);
      answer.user_agent = std::string(size, byte);
      for (const AccessFormat format : {AccessFormat::kCombined, AccessFormat::kJson}) {
        const std::string line = answer.Line(format);
        CHECK(line.size() <= LineBuffer::kMaxLine);
        CHECK(IsOneSafeLine(line));
        CHECK(line.find("1.000093") != std::string::npos);
      }
      TlsFacts facts;
      facts.server_name = std::string(kMaxServerName, byte);
      facts.client_subject = std::string(kMaxClientSubject, byte);
      facts.client_fingerprint = std::string(kFingerprintBytes, byte);
      answer.tls = &facts;
      CHECK(IsOneSafeLine(answer.Line(AccessFormat::kJson)));
      CHECK(answer.Line(AccessFormat::kJson).size() <= LineBuffer::kMaxLine);
      CHECK(answer.Json()["duration"] == 1.000093);
      CHECK(answer.Json()["client_fingerprint"].get<std::string>().size() == 2 * kFingerprintBytes);
      answer.tls = nullptr;
      const std::string agent = answer.Json()["user_agent"];
      if (size > 700) CHECK(agent.ends_with("..."));
      if (size <= 700 && byte == 'a') CHECK(agent == answer.user_agent);
    }
  }
  Answer answer;
  answer.user_agent = std::string(350, 'a');
  for (int i = 0; i < 400; ++i) answer.user_agent += "\xe2\x82\xac";  // cut between characters
  const std::string agent = answer.Json()["user_agent"];
  CHECK(agent.ends_with("\xe2\x82\xac..."));
}

TEST_CASE(
    "a Unix client's own name, which may be any bytes, is not shown; one without a name is a client too") {
  Answer answer;
  const Result<ListenAddress> parsed = ParseListenAddress("unix:/tmp/\" 200\n");
  REQUIRE(parsed.Ok());
  answer.peer = parsed.Value().address;
  CHECK(answer.Line(AccessFormat::kCombined).starts_with("unix: - - ["));
  answer.peer = {};
  CHECK(answer.Line(AccessFormat::kCombined).starts_with("unix: - - ["));
}

}  // namespace preforkd::testing
