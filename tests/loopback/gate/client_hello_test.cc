// ReadClientHello: hellos of real clients, and that no bytes are read where there are none.
#include "worker/gate/client_hello.h"

#include <doctest/doctest.h>

#include <memory>

#include "tests/loopback/gate/handshake_bed.h"

namespace preforkd::testing {
namespace {

using tls::Suite;
using tls::testing::Bytes;

// The message in a client's first record.
Bytes HelloOf(const ClientOptions& options, MakeClient make) {
  const auto client = make(options);
  CHECK_FALSE(client->Handshake());
  const Bytes record = client->TakeOut();
  REQUIRE(record.size() > 9);
  return {record.begin() + 9, record.end()};
}

// Its bytes are alone on the heap, so that a sanitizer sees what is read beside them.
ClientHello Read(const Bytes& message, std::size_t size) {
  const auto bytes = std::make_unique<unsigned char[]>(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = std::to_integer<unsigned char>(message[i]);
  return ReadClientHello({bytes.get(), size});
}

}  // namespace

TEST_CASE("which suite comes first, and the size of records, of both libraries") {
  for (const Library& library : kLibraries) {
    INFO(std::string(library.name));
    ClientOptions options;
    Bytes hello = HelloOf(options, library.make);
    CHECK_FALSE(Read(hello, hello.size()).prefers_chacha);
    options.suite = Suite::kChaCha20Poly1305;
    hello = HelloOf(options, library.make);
    CHECK(Read(hello, hello.size()).prefers_chacha);
  }
  ClientOptions options;
  options.record_size = 2048;
  Bytes hello = HelloOf(options, MakeGnutlsClient);
  CHECK(Read(hello, hello.size()).record_size_limit == 2049);  // with the content type
  options.highest = 12;
  hello = HelloOf(options, MakeGnutlsClient);
  CHECK(Read(hello, hello.size()).record_size_limit == 2048);
  hello = HelloOf(options, MakeOpensslClient);  // which knows max_fragment_length only
  CHECK(Read(hello, hello.size()).record_size_limit == 0);
}

TEST_CASE("hellos that end anywhere, and changed ones") {
  ClientOptions options;
  options.record_size = 512;
  const Bytes hello = HelloOf(options, MakeGnutlsClient);
  for (std::size_t size = 0; size < hello.size(); ++size) {
    const ClientHello read = Read(hello, size);
    CHECK((read.record_size_limit == 0 || read.record_size_limit <= 513));
  }
  tls::testing::Random random(5);
  for (int round = 0; round < 20'000; ++round) {
    Bytes changed = hello;
    for (int i = 0; i < 3; ++i)
      changed[tls::testing::Pick(random, changed.size())] = static_cast<std::byte>(random());
    (void)Read(changed, changed.size());
  }
}

}  // namespace preforkd::testing
