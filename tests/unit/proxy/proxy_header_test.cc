#include "worker/proxy/proxy_header.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

namespace preforkd::testing {
namespace {

using Kind = ProxyHeader::Kind;

std::string ClientText(std::string_view bytes) {
  const ProxyHeader header = ParseProxyHeader(bytes);
  if (header.kind == Kind::kNeedMore) return "needs more";
  if (header.kind == Kind::kBroken) return header.error;
  return header.client ? header.client->Text() : "its own peer";
}

std::string Header2(char version_and_command, char family, const std::string& rest) {
  std::string header("\r\n\r\n\0\r\nQUIT\n", 12);
  header += version_and_command;
  header += family;
  header += static_cast<char>(rest.size() >> 8);
  header += static_cast<char>(rest.size() & 0xFF);
  return header + rest;
}

const std::string kTcp4("\x0A\x01\x02\x03\x7F\x00\x00\x01\x30\x39\x01\xBB",
                        12);  // 10.1.2.3:12345 to 127.0.0.1:443

}  // namespace

TEST_CASE("version 1: addresses, UNKNOWN, and the client's bytes behind it") {
  CHECK(ClientText("PROXY TCP4 10.1.2.3 127.0.0.1 12345 443\r\n") == "10.1.2.3:12345");
  CHECK(ClientText("PROXY TCP6 2001:db8::1 ::1 1 65535\r\n") == "[2001:db8::1]:1");
  CHECK(ClientText("PROXY UNKNOWN\r\n") == "its own peer");
  CHECK(ClientText("PROXY UNKNOWN ffff:f...f whatever 65535 65535\r\n") == "its own peer");
  const std::string line = "PROXY TCP4 10.1.2.3 127.0.0.1 0 443\r\n";
  CHECK(ParseProxyHeader(line + "GET / HTTP/1.1\r\n").size == line.size());
}

TEST_CASE("version 1: anything that is not exactly the protocol is refused") {
  for (const char* line :
       {"PROXY TCP4 10.1.2.3 127.0.0.1 12345\r\n", "PROXY TCP4 10.1.2.3 127.0.0.1 12345 443 1\r\n",
        "PROXY TCP4 10.1.2.3 127.0.0.1 012345 443\r\n", "PROXY TCP4 10.1.2.3 127.0.0.1 65536 443\r\n",
        "PROXY TCP4 10.1.2.3 127.0.0.1 -1 443\r\n", "PROXY TCP4 10.1.2.3 127.0.0.1 +1 443\r\n",
        "PROXY TCP4 10.1.2.3 127.0.0.1 1 \r\n", "PROXY TCP4 10.1.2 127.0.0.1 1 2\r\n",
        "PROXY TCP4 010.1.2.3 127.0.0.1 1 2\r\n", "PROXY TCP4 ::1 127.0.0.1 1 2\r\n",
        "PROXY TCP6 1.2.3.4 ::1 1 2\r\n", "PROXY TCP4  10.1.2.3 127.0.0.1 1 2\r\n",
        "PROXY tcp4 10.1.2.3 127.0.0.1 1 2\r\n", "PROXY \r\n", "PROXY UDP4\r\n",
        "PROXY TCP4 localhost 127.0.0.1 1 2\r\n", "proxy TCP4 1.1.1.1 1.1.1.1 1 2\r\n", "GET / HTTP/1.1\r\n",
        "\r\n"}) {
    CAPTURE(std::string(line));
    // The last one could still become version 2.
    CHECK(ParseProxyHeader(line).kind == (std::string(line) == "\r\n" ? Kind::kNeedMore : Kind::kBroken));
  }
  CHECK(ClientText("PROXY UNKNOWN " + std::string(91, 'x') + "\r\n") == "its own peer");  // 107 bytes
  CHECK(ClientText("PROXY UNKNOWN " + std::string(92, 'x') + "\r\n") == "its line does not end");
  CHECK(ClientText("PROXY TCP4 10.1.2.3 127.0.0.1 12345 443\n") == "needs more");
}

TEST_CASE("version 2: PROXY over TCP and Unix sockets, LOCAL, and families without a stream") {
  CHECK(ClientText(Header2(0x21, 0x11, kTcp4)) == "10.1.2.3:12345");
  std::string tcp6(36, '\0');
  tcp6[0] = 0x20;
  tcp6[1] = 0x01;
  tcp6[15] = 0x05;
  tcp6[33] = 80;
  CHECK(ClientText(Header2(0x21, 0x21, tcp6)) == "[2001::5]:80");
  std::string unix(216, '\0');
  unix.replace(0, 5, "/sock");
  CHECK(ClientText(Header2(0x21, 0x31, unix)) == "unix:/sock");
  CHECK(ClientText(Header2(0x20, 0x11, kTcp4)) == "its own peer");
  CHECK(ClientText(Header2(0x20, 0x00, "")) == "its own peer");
  CHECK(ClientText(Header2(0x20, 0x55, "rubbish")) == "its own peer");
  CHECK(ClientText(Header2(0x21, 0x00, "whatever")) == "its own peer");
  CHECK(ClientText(Header2(0x21, 0x12, kTcp4)) == "its own peer");
  const std::string header = Header2(0x21, 0x11, kTcp4 + std::string("\x04\x00\x02xx", 5));
  CHECK(ParseProxyHeader(header + "client").size == header.size());
}

TEST_CASE("version 2: broken ones") {
  CHECK(ClientText(Header2(0x11, 0x11, kTcp4)) == "its version is neither 1 nor 2");
  CHECK(ClientText(Header2(0x22, 0x11, kTcp4)) == "its command is neither LOCAL nor PROXY");
  CHECK(ClientText(Header2(0x21, 0x13, kTcp4)) == "its address family is unknown");
  CHECK(ClientText(Header2(0x21, 0x11, kTcp4.substr(1))) == "it is too short for its addresses");
  CHECK(ClientText(Header2(0x21, 0x21, kTcp4)) == "it is too short for its addresses");
  CHECK(ClientText(Header2(0x21, 0x11, kTcp4 + "\x04")) == "an extension is cut short");
  CHECK(ClientText(Header2(0x21, 0x11, kTcp4 + std::string("\x04\x00\x03xx", 5))) ==
        "an extension is longer than the header");
}

TEST_CASE("version 2: the checksum is checked when it is there") {
  // The value was computed by another implementation, which yields 0xE3069283 for "123456789" as the standard
  // says.
  std::string rest = kTcp4 + std::string("\x03\x00\x04", 3) + std::string(4, '\0');
  const auto with = [&](std::uint32_t crc) {
    for (int i = 0; i < 4; ++i)
      rest[15 + static_cast<std::size_t>(i)] = static_cast<char>(crc >> (24 - 8 * i));
    return Header2(0x21, 0x11, rest);
  };
  CHECK(ClientText(with(0x8DC46A18U)) == "10.1.2.3:12345");
  CHECK(ClientText(with(0x8DC46A18U ^ 1U)) == "the checksum is wrong");
  CHECK(ClientText(Header2(0x21, 0x11, kTcp4 + std::string("\x03\x00\x02xx", 5))) == "the checksum is wrong");
}

TEST_CASE("each beginning of a header needs more, whatever follows it changes nothing") {
  for (const std::string& whole :
       {std::string("PROXY TCP4 10.1.2.3 127.0.0.1 12345 443\r\n"), Header2(0x21, 0x11, kTcp4)}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      CHECK(ParseProxyHeader(whole.substr(0, size)).kind == Kind::kNeedMore);
    }
    CHECK(ParseProxyHeader(whole + std::string(100, '\0')).size == whole.size());
  }
}

TEST_CASE("no bytes make it read beyond its end or claim more than there is") {
  std::minstd_rand random(1);
  for (int i = 0; i < 200'000; ++i) {
    std::string bytes = i % 2 == 0 ? Header2(0x21, 0x11,
                                             kTcp4 + std::string("\x03\x00\x04"
                                                                 "abcd",
                                                                 7))
                                   : std::string("PROXY TCP4 10.1.2.3 127.0.0.1 12345 443\r\n");
    for (auto n = random() % 4; n > 0; --n) bytes[random() % bytes.size()] = static_cast<char>(random());
    bytes.resize(random() % (bytes.size() + 1));
    bytes.shrink_to_fit();
    const ProxyHeader header = ParseProxyHeader(bytes);
    if (header.kind == Kind::kComplete) CHECK(header.size <= bytes.size());
  }
}

}  // namespace preforkd::testing
