// Fuzz target: the PROXY header in front of a connection. A header is taken if and only if a second reading
// of the protocol, below, takes it, with the same client; each beginning of it needs more; and a service
// behind it sees that client, in whatever pieces the header came.
//
// An input: the sizes of the pieces (input.h), then the header and what follows it.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/base/log.h"
#include "tests/fuzz/input.h"
#include "tests/loopback/http/http_bed.h"
#include "worker/http/http_service.h"
#include "worker/proxy/proxy_header.h"
#include "worker/proxy/proxy_preface.h"

namespace preforkd::testing {
namespace {

// What proxy-protocol.txt says, once more. `client`: family and bytes of the address, then the port.
struct Reading {
  std::size_t size = 0;
  std::string client;
};

std::string InetClient(int family, std::string_view address, unsigned port) {
  return std::to_string(family) + " " + std::string(address) + " " + std::to_string(port);
}

std::vector<std::string> Words(std::string_view line) {
  std::vector<std::string> words(1);
  for (const char c : line) {
    c == ' ' ? words.emplace_back() : words.back() += c;
  }
  return words;
}

bool IsPort(const std::string& word) {
  if (word.empty() || word.size() > 5 || (word.size() > 1 && word[0] == '0')) return false;
  if (word.find_first_not_of("0123456789") != std::string::npos) return false;
  return std::stoul(word) <= 65535;
}

std::optional<std::string> AddressBytes(int family, const std::string& text) {
  std::string bytes(family == AF_INET ? 4 : 16, '\0');
  if (text.find('\0') != std::string::npos || ::inet_pton(family, text.c_str(), bytes.data()) != 1)
    return std::nullopt;
  return bytes;
}

std::optional<Reading> ReadLine(std::string_view bytes) {
  const std::size_t end = bytes.find("\r\n");
  if (!bytes.starts_with("PROXY ") || end == std::string_view::npos || end + 2 > 107) return std::nullopt;
  const std::vector<std::string> words = Words(bytes.substr(0, end));
  if (words[1] == "UNKNOWN") return Reading{end + 2, ""};
  if (words.size() != 6 || (words[1] != "TCP4" && words[1] != "TCP6")) return std::nullopt;
  const int family = words[1] == "TCP4" ? AF_INET : AF_INET6;
  const auto source = AddressBytes(family, words[2]);
  if (!source || !AddressBytes(family, words[3]) || !IsPort(words[4]) || !IsPort(words[5]))
    return std::nullopt;
  return Reading{end + 2, InetClient(family, *source, static_cast<unsigned>(std::stoul(words[4])))};
}

unsigned At(std::string_view bytes, std::size_t place) { return static_cast<unsigned char>(bytes[place]); }
unsigned Pair(std::string_view bytes, std::size_t place) {
  return At(bytes, place) * 256 + At(bytes, place + 1);
}

// CRC-32C by a table of nibbles.
std::uint32_t Checksum(std::string_view bytes) {
  std::uint32_t table[16];
  for (std::uint32_t i = 0; i < 16; ++i) {
    table[i] = i;
    for (int bit = 0; bit < 4; ++bit)
      table[i] = (table[i] & 1) != 0 ? (table[i] >> 1) ^ 0x82F63B78 : table[i] >> 1;
  }
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    crc = (crc >> 4) ^ table[(crc ^ byte) & 15];
    crc = (crc >> 4) ^ table[(crc ^ (byte >> 4)) & 15];
  }
  return ~crc;
}

bool ExtensionsAreWhole(std::string header, std::size_t place) {
  while (place < header.size()) {
    if (header.size() - place < 3) return false;
    const std::size_t size = Pair(header, place + 1);
    const bool checksum = header[place] == 3;
    place += 3;
    if (size > header.size() - place || (checksum && size != 4)) return false;
    if (checksum) {
      const std::uint32_t sent = (Pair(header, place) << 16) | Pair(header, place + 2);
      std::string cleared = header;
      cleared.replace(place, 4, 4, '\0');
      if (Checksum(cleared) != sent) return false;
    }
    place += size;
  }
  return true;
}

std::optional<Reading> ReadBinary(std::string_view bytes) {
  constexpr std::string_view kSignature("\x0D\x0A\x0D\x0A\x00\x0D\x0A\x51\x55\x49\x54\x0A", 12);
  if (!bytes.starts_with(kSignature) || bytes.size() < 16) return std::nullopt;
  const std::size_t size = 16 + Pair(bytes, 14);
  if (bytes.size() < size || (At(bytes, 12) != 0x20 && At(bytes, 12) != 0x21)) return std::nullopt;
  if (At(bytes, 12) == 0x20) return Reading{size, ""};
  const unsigned family = At(bytes, 13) >> 4;
  const unsigned transport = At(bytes, 13) & 15;
  if (At(bytes, 13) == 0) return Reading{size, ""};
  if (family < 1 || family > 3 || transport < 1 || transport > 2) return std::nullopt;
  const std::size_t addresses = family == 1 ? 12 : family == 2 ? 36 : 216;
  if (size - 16 < addresses || !ExtensionsAreWhole(std::string(bytes.substr(0, size)), 16 + addresses))
    return std::nullopt;
  if (transport == 2) return Reading{size, ""};
  if (family == 1) return Reading{size, InetClient(AF_INET, bytes.substr(16, 4), Pair(bytes, 24))};
  if (family == 2) return Reading{size, InetClient(AF_INET6, bytes.substr(16, 16), Pair(bytes, 48))};
  return Reading{size, InetClient(AF_UNIX, bytes.substr(16, 108), 0)};
}

std::optional<Reading> Read(std::string_view bytes) {
  return bytes.starts_with("P") ? ReadLine(bytes) : ReadBinary(bytes);
}

std::string ClientOf(const ProxyHeader& header) {
  if (!header.client) return "";
  const auto* raw = reinterpret_cast<const char*>(&header.client->storage);
  const int family = header.client->storage.ss_family;
  if (family == AF_UNIX) return InetClient(family, {raw + offsetof(sockaddr_un, sun_path), 108}, 0);
  const std::size_t place =
      family == AF_INET ? offsetof(sockaddr_in, sin_addr) : offsetof(sockaddr_in6, sin6_addr);
  return InetClient(family, {raw + place, family == AF_INET ? std::size_t{4} : std::size_t{16}},
                    Pair({raw, 4}, 2));
}

void CheckHeader(std::string_view bytes, const ProxyHeader& header) {
  using Kind = ProxyHeader::Kind;
  const std::optional<Reading> reading = Read(bytes);
  PF_CHECK((header.kind == Kind::kComplete) == reading.has_value(), "a header that only one reading takes");
  PF_CHECK((header.kind == Kind::kBroken) == (*header.error != '\0'),
           "broken without a reason, or a reason without");
  if (reading) {
    PF_CHECK(header.size == reading->size && header.size <= kMaxProxyHeader, "another size");
    PF_CHECK(ClientOf(header) == reading->client, "another client");
  }
  const std::size_t looked_at = std::min<std::size_t>(bytes.size(), 300);
  for (std::size_t size = 0; size < looked_at; ++size) {
    const Kind kind = ParseProxyHeader(bytes.substr(0, size)).kind;
    if (reading) {
      PF_CHECK(kind == (size < reading->size ? Kind::kNeedMore : Kind::kComplete),
               "the beginning of a header");
    } else {
      PF_CHECK(kind == Kind::kNeedMore || header.kind == Kind::kBroken, "more bytes make it whole");
    }
  }
}

// A service behind the header that tells who its client is.
class Prefaced final : public Service {
 public:
  Prefaced() : next_(MakeHttpService(HttpSettings(), std::make_unique<Peer>())), preface_(*next_) {}
  std::unique_ptr<Session> Open(Connection& connection, Luggage luggage) override {
    return preface_.Open(connection, std::move(luggage));
  }

 private:
  struct Peer final : HttpHandler {
    void Handle(const HttpRequest& request, HttpResponse& response) override {
      response.Body() = request.peer->Text();
    }
  };

  std::unique_ptr<Service> next_;
  ProxyPreface preface_;
};

std::unique_ptr<HttpBed> MakeBed() {
  const ServiceType type{[](const ServiceConfig&, WorkerEnv&) {
                           return Result<std::unique_ptr<Service>>(std::make_unique<Prefaced>());
                         },
                         true,
                         {},
                         {}};
  auto bed = std::make_unique<HttpBed>(std::map<std::string, std::string>(), type);
  auto config = std::make_shared<Config>();
  config->parking.after = Duration(0);  // not parked when the machine is slow
  bed->Env().config = std::move(config);
  return bed;
}

void CheckService(std::string_view bytes, const ProxyHeader& header, const std::vector<std::size_t>& sizes) {
  static const std::unique_ptr<HttpBed> bed = MakeBed();
  std::string sent(bytes);
  if (header.kind == ProxyHeader::Kind::kComplete)
    sent = sent.substr(0, header.size) + "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const auto client = bed->Connect();
  std::string_view rest = sent;
  for (const std::size_t size : sizes) {
    if (rest.empty()) break;
    bed->Exchange(*client, rest.substr(0, size));
    rest.remove_prefix(std::min(size, rest.size()));
  }
  if (!rest.empty()) bed->Exchange(*client, rest);
  PF_CHECK(client->Ended() == (header.kind == ProxyHeader::Kind::kBroken),
           "not what becomes of such a header");
  if (header.kind == ProxyHeader::Kind::kComplete) {
    const std::vector<Answer> answers = ParseAnswers(client->Received());
    PF_CHECK(answers.size() == 1 && answers[0].status == 200, "not one answer");
    if (header.client) PF_CHECK(answers[0].body == header.client->Text(), "the service sees another client");
  } else {
    PF_CHECK(client->Received().empty(), "bytes for a client whose header is not whole");
  }
  client->Close();
  bed->Turn();
  PF_CHECK(bed->Live() == 0, "a connection is left");
}

void Run(Input input) {
  const std::vector<std::size_t> sizes = input.Sizes();
  const std::string_view bytes = input.Rest();
  const ProxyHeader header = ParseProxyHeader(bytes);
  CheckHeader(bytes, header);
  CheckService(bytes, header, sizes);
}

}  // namespace
}  // namespace preforkd::testing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  preforkd::log::SetLevel(preforkd::log::Level::kAlert);
  preforkd::testing::Run({data, size});
  return 0;
}
