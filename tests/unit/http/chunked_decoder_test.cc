// The chunked coding, byte by byte. More malformed bodies are in tests/loopback/http/hostile_test.cc.
#include "worker/http/syntax/chunked_decoder.h"

#include <doctest/doctest.h>

#include "worker/http/request_body.h"

namespace preforkd::testing {
using namespace http;  // NOLINT: the syntax under test
namespace {

using State = ChunkedDecoder::State;

struct Decoded {
  State state = State::kMore;
  std::string body;
  std::size_t used = 0;
};

Decoded Decode(std::string_view bytes, std::size_t piece, std::uint64_t max_body = 1000) {
  ChunkedDecoder decoder(max_body);
  Decoded decoded;
  while (decoded.state == State::kMore && decoded.used < bytes.size()) {
    std::size_t used = 0;
    decoded.state = decoder.Feed(bytes.substr(decoded.used, piece), decoded.body, used);
    decoded.used += used;
  }
  return decoded;
}

TEST_CASE("a body is the same in pieces of any size, and no byte behind it is used") {
  const std::string body = "5\r\nhello\r\n1;a=\"\\\"\r\"\r\n";  // a CR in a quoted string is refused
  CHECK(Decode(body, 1).state == State::kMalformed);
  const std::string good = "5\r\nhello\r\n07;a=\"\\\";\"\r\n, world\r\n0\r\nT: v\r\n\r\n";
  for (std::size_t piece = 1; piece <= good.size(); ++piece) {
    const Decoded decoded = Decode(good + "GET /", piece);
    CHECK(decoded.state == State::kDone);
    CHECK(decoded.body == "hello, world");
    CHECK(decoded.used == good.size());
  }
}

TEST_CASE("bounds") {
  CHECK(Decode("3e8\r\n", 100).state == State::kMore);
  CHECK(Decode("3e9\r\n", 100).state == State::kTooLarge);
  CHECK(Decode("FFFFFFFFFFFFFFFF\r\n", 100).state == State::kTooLarge);
  CHECK(Decode("0FFFFFFFFFFFFFFFF\r\n", 100).state == State::kMalformed);
  CHECK(Decode("2\r\nab\r\nFFFFFFFFFFFFFFFE\r\n", 100).state == State::kTooLarge);  // the sum must not wrap
  CHECK(Decode("1;" + std::string(1024, 'a') + "\r\n", 100).state == State::kMore);
  CHECK(Decode("1;" + std::string(1025, 'a') + "\r\n", 100).state == State::kMalformed);
  // Trailer fields may take 8 KiB with their line ends.
  CHECK(Decode("0\r\nA:" + std::string(8189, 'a') + "\r\n\r\n", 100).state == State::kDone);
  CHECK(Decode("0\r\nA:" + std::string(8190, 'a') + "\r\n\r\n", 100).state == State::kTooLarge);
}

TEST_CASE("the overhead of chunks is limited by their data") {
  std::string tiny;
  for (int i = 0; i < 100'000; ++i) tiny += "1\r\nx\r\n";
  CHECK(Decode(tiny, tiny.size(), 1'000'000).state == State::kTooLarge);
  std::string fair;
  for (int i = 0; i < 100'000; ++i) fair += "3\r\nxyz\r\n";
  CHECK(Decode(fair + "0\r\n\r\n", fair.size() + 5, 1'000'000).state == State::kDone);
}

TEST_CASE("a body with a length takes exactly that many bytes") {
  RequestBody body("head", {}, {Framing::Kind::kLength, 5, kAccepted}, 100);
  std::size_t used = 0;
  CHECK(body.Feed("hel", used) == State::kMore);
  CHECK(used == 3);
  CHECK(body.Feed("lo and more", used) == State::kDone);
  CHECK(used == 2);
  CHECK(body.Request().body == "hello");
  CHECK(body.HeadBytes() == "head");
}

}  // namespace
}  // namespace preforkd::testing
