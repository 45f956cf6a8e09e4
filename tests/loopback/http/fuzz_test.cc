// Requests with seeded random damage, in random pieces: no crash, no hang, every connection ends or goes on
// in one of the ways that the protocol has, memory stays bounded, and the next client is answered.
#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "tests/loopback/http/http_bed.h"

namespace preforkd::testing {
namespace {

const std::vector<std::string> kSeeds = {
    "GET /a/b?c=d HTTP/1.1\r\nHost: a\r\nX: y\r\nConnection: keep-alive\r\n\r\n",
    "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world",
    "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nT: v\r\n\r\n",
    "HEAD http://a:80/%41%2fb/../c HTTP/1.1\r\nHost: [::1]:80\r\nExpect: 100-continue\r\n\r\n",
    "OPTIONS * HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
};
const std::vector<std::string> kPieces = {"\r\n",
                                          "\r",
                                          "\n",
                                          std::string(1, '\0'),
                                          " ",
                                          "\t",
                                          ":",
                                          "Host: b\r\n",
                                          "Content-Length: 3\r\n",
                                          "Transfer-Encoding: chunked\r\n",
                                          "\r\n\r\n",
                                          "FFFFFFFFFFFFFFFF",
                                          "%",
                                          "/../",
                                          "#",
                                          "HTTP/1.1",
                                          "0\r\n\r\n",
                                          "\xff"};

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  std::size_t Below(std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(engine_);
  }
  template <typename T>
  const T& OneOf(const std::vector<T>& list) {
    return list[Below(list.size())];
  }

 private:
  std::mt19937 engine_;
};

void Damage(std::string& bytes, Random& random) {
  const std::size_t at = random.Below(bytes.size() + 1);
  const std::size_t size = random.Below(8);
  switch (random.Below(5)) {
    case 0: bytes.insert(at, random.OneOf(kPieces)); break;
    case 1: bytes.erase(at, size); break;
    case 2: bytes.insert(at, bytes.substr(random.Below(bytes.size() + 1), size * 4)); break;
    case 3: bytes.insert(at, size * 100, static_cast<char>(random.Below(256))); break;
    default:
      if (at < bytes.size()) bytes[at] = static_cast<char>(random.Below(256));
  }
}

std::string MakeInput(Random& random) {
  std::string bytes;
  const std::size_t requests = 1 + random.Below(3);
  for (std::size_t i = 0; i < requests; ++i) bytes += random.OneOf(kSeeds);
  const std::size_t damages = random.Below(5);
  for (std::size_t i = 0; i < damages; ++i) Damage(bytes, random);
  return bytes;
}

void SendInPieces(HttpBed& bed, Client& client, std::string_view bytes, Random& random) {
  while (!bytes.empty() && !client.Ended()) {
    const std::size_t size = random.Below(3) == 0 ? bytes.size() : 1 + random.Below(bytes.size());
    bed.Exchange(client, bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
}

TEST_CASE("damaged requests harm no other client") {
  std::size_t longest_body = 0;
  std::size_t longest_path = 0;
  HttpSettings config;
  config.max_body = 4096;
  HttpBed bed(config, [&](const HttpRequest& request, HttpResponse& response) {
    longest_body = std::max(longest_body, request.body.size());
    longest_path = std::max(longest_path, request.path.size());
    CHECK((request.path == "*" || request.path.starts_with('/')));
    CHECK(request.path.find("/../") == std::string_view::npos);
    CHECK(request.path.find('\0') == std::string_view::npos);
    response.Body() = "ok";
  });
  Random random(20240607);
  for (int round = 0; round < 20'000; ++round) {
    const std::string input = MakeInput(random);
    CAPTURE(round);
    CAPTURE(input);
    const auto client = bed.Connect();
    SendInPieces(bed, *client, input, random);
    if (!client->Received().empty()) REQUIRE(client->Received().starts_with("HTTP/1.1 "));
    client->Close();
    bed.Turn();
    REQUIRE(bed.Live() == 0);
    if (round % 100 != 0) continue;
    const auto next = bed.Connect();
    bed.Exchange(*next, "GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    REQUIRE(ParseAnswers(next->Received()).front().body == "ok");
    next->Close();
    bed.Turn();
  }
  CHECK(longest_body > 0);
  CHECK(longest_body <= config.max_body);
  CHECK(longest_path <= config.max_header);
}

}  // namespace
}  // namespace preforkd::testing
