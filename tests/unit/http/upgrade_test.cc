// Whether a client wants to leave HTTP, and the head of the answers that say so.
#include "worker/http/syntax/upgrade.h"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include "worker/http/answer/response.h"
#include "worker/http/answer/response_head.h"

namespace preforkd::testing {
using namespace http;  // NOLINT: the syntax under test

namespace {

bool Asks(const std::vector<HttpField>& fields, int minor_version = 1) {
  HttpRequest request;
  request.fields = fields;
  request.minor_version = minor_version;
  return AsksForUpgrade(request, "websocket");
}

std::string Head(const HttpResponse& response, bool keep_alive = true, int minor_version = 1) {
  std::array<char, kMaxResponseHead> buffer;
  const std::size_t size = WriteHead(response, {"DATE", keep_alive, minor_version}, buffer);
  return {buffer.data(), size};
}

}  // namespace

TEST_CASE("both fields must say it, in lists of any case and on any line") {
  CHECK(Asks({{"Upgrade", "websocket"}, {"Connection", "Upgrade"}}));
  CHECK(Asks({{"upgrade", "h2c , WebSocket"}, {"connection", "keep-alive,UPGRADE"}}));
  CHECK(Asks({{"Upgrade", "h2c"}, {"Upgrade", "websocket"}, {"Connection", "x"}, {"Connection", "upgrade"}}));
  CHECK_FALSE(Asks({{"Upgrade", "websocket"}}));
  CHECK_FALSE(Asks({{"Connection", "Upgrade"}}));
  CHECK_FALSE(Asks({{"Upgrade", "websocket/1"}, {"Connection", "Upgrade"}}));
  CHECK_FALSE(Asks({{"Upgrade", "websockets"}, {"Connection", "Upgrade"}}));
  CHECK_FALSE(Asks({{"Upgrade", "websocket"}, {"Connection", "upgrades"}}));
  CHECK_FALSE(Asks({{"Upgrade", "websocket"}, {"Connection", "Upgrade"}}, 0));
}

TEST_CASE("101 has no field of a body, and nothing about keeping the connection") {
  HttpResponse response;
  response.SwitchProtocols("websocket", "state");
  response.AddHeader("Sec-WebSocket-Accept", "x");
  response.AddHeader("Content-Type", "text/plain");
  REQUIRE_FALSE(response.Malformed());
  CHECK(response.Switches());
  const std::string head =
      "HTTP/1.1 101 Switching Protocols\r\nServer: preforkd\r\nDate: DATE\r\nSec-WebSocket-Accept: x\r\n"
      "Upgrade: websocket\r\nConnection: upgrade\r\n\r\n";
  CHECK(Head(response) == head);
  CHECK(Head(response, false) == head);
  CHECK(response.TakeContext() == "state");
  response.Clear();
  CHECK_FALSE(response.Switches());
  CHECK(response.Upgrade().empty());
  CHECK(response.Status() == 200);
}

TEST_CASE("426 names the protocol, and whether the connection goes on") {
  HttpResponse response;
  response.SetStatus(426);
  response.SetUpgrade("websocket");
  const std::string begin =
      "HTTP/1.1 426 Upgrade Required\r\nServer: preforkd\r\nDate: DATE\r\nContent-Length: 0\r\n"
      "Upgrade: websocket\r\nConnection: ";
  CHECK(Head(response) == begin + "upgrade\r\n\r\n");
  CHECK(Head(response, false) == begin + "close, upgrade\r\n\r\n");
  CHECK(Head(response, true, 0) == begin + "keep-alive, upgrade\r\n\r\n");
}

TEST_CASE("the name of a protocol is one token, or two with a slash") {
  const auto malformed = [](std::string_view protocol) {
    HttpResponse response;
    response.SwitchProtocols(protocol, {});
    return response.Malformed();
  };
  CHECK_FALSE(malformed("websocket"));
  CHECK_FALSE(malformed("HTTP/2.0"));
  for (const char* wrong : {"", "/", "a/", "/1", "a/b/c", "a b", "a,b", "a\r\nb", "a\r\nx: y"}) {
    CAPTURE(wrong);
    CHECK(malformed(wrong));
  }
  CHECK(malformed(std::string(65, 'x')));
  HttpResponse response;
  response.SetStatus(101);  // only by SwitchProtocols
  CHECK(response.Malformed());
}

}  // namespace preforkd::testing
