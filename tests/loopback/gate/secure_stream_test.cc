// SecureStream on a socket: what it reports, what it keeps, and what it takes along. The client is a record
// layer of our own, so that it can also say what no library says.
#include "worker/connection/secure_stream.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "tests/loopback/gate/handshake_bed.h"
#include "tests/loopback/gate/session_bed.h"

namespace preforkd::testing {
namespace {

using tls::testing::Kind;
using tls::testing::kKinds;
using tls::testing::Pick;
using tls::testing::Random;

std::string SomeText(std::size_t size, Random& random) {
  std::string text(size, '\0');
  for (char& byte : text) byte = static_cast<char>(random());
  return text;
}

UniqueFd FileOf(std::string_view content) {
  const char* const folder = std::getenv("TEST_TMPDIR");
  std::string name = std::string(folder != nullptr ? folder : "/tmp") + "/XXXXXX";
  UniqueFd file(::mkstemp(name.data()));
  REQUIRE(file.Valid());
  REQUIRE(::unlink(name.c_str()) == 0);
  REQUIRE(::write(file.Get(), content.data(), content.size()) == static_cast<ssize_t>(content.size()));
  return file;
}

struct Bed {
  explicit Bed(const Kind& kind = kKinds[0], std::uint64_t seed = 51) : random(seed) {
    tls::testing::Ends ends = MakeEnds(kind, random);
    client = std::move(ends.client);
    Parcel parcel;
    fd = ConnectUnix(parcel);
    const int small = 4096;
    REQUIRE(::setsockopt(parcel.fd.Get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)) == 0);
    socket.emplace(worker.Env(), std::move(parcel), [](Interest) {});
    TlsLuggage luggage{std::move(ends.server)};
    luggage.facts.version = kind.version;
    luggage.facts.suite = kind.suite;
    Go(EncodeTls(luggage));
  }

  void Go(const SecretBytes& state) {
    Result<std::unique_ptr<SecureStream>> made = SecureStream::Make(worker.Env(), state);
    REQUIRE(made.Ok());
    stream = std::move(made).Value();
  }
  // To another worker.
  void Travel() {
    REQUIRE(stream->CanTravel());
    const SecretBytes state = stream->Pack();
    stream.reset();
    Go(state);
  }

  void Say(const tls::testing::Bytes& records) {
    const std::string_view bytes = TextOf(records);
    REQUIRE(::send(fd.Get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  }
  void Say(std::string_view text) { Say(tls::testing::Seal(client, text)); }

  // All that has arrived at the client. At most `most` bytes are read from the socket.
  std::string Hear(std::size_t most = SIZE_MAX) {
    std::array<char, 4096> buffer;
    while (most > 0) {
      const ssize_t size = ::recv(fd.Get(), buffer.data(), std::min(most, buffer.size()), 0);
      if (size <= 0) break;
      heard += std::string_view(buffer.data(), static_cast<std::size_t>(size));
      most -= static_cast<std::size_t>(size);
    }
    const tls::testing::Read read = tls::testing::Open(client, BytesOf(heard));
    heard.erase(0, read.consumed);
    outcome = read.outcome;
    alert = read.alert;
    return read.text;
  }

  IoResult Receive(std::size_t size, std::string& text) {
    std::string buffer(size, '\0');
    const IoResult result = stream->Receive(*socket, buffer);
    if (result.Done()) text += buffer.substr(0, result.size);
    return result;
  }
  std::string ReceiveAll(std::size_t size = 64 * 1024) {
    std::string text;
    while (Receive(size, text).Done()) {
    }
    return text;
  }

  Random random;
  SessionBed worker;
  tls::RecordState client;
  UniqueFd fd;
  std::optional<ClientSocket> socket;
  std::unique_ptr<SecureStream> stream;
  std::string heard;
  tls::Opened::Outcome outcome{};
  tls::Alert alert{};
};

using Outcome13 = tls::Opened::Outcome;

}  // namespace

TEST_CASE("receiving with buffers of any size: the text, in order, and what is left is known") {
  for (const Kind& kind : kKinds) {
    Bed bed(kind);
    const std::string text = SomeText(30'000, bed.random);
    bed.Say(text);
    std::string got;
    bool left = false;
    while (bed.Receive(1 + Pick(bed.random, 900), got).Done()) {
      left = left || bed.stream->HasInput();
      CHECK(bed.stream->CanTravel() != bed.stream->HasInput());
    }
    CHECK((got == text));
    CHECK(left);
    CHECK_FALSE(bed.stream->HasInput());
    CHECK(bed.stream->CanTravel());
  }
}

TEST_CASE("records in any pieces, with journeys in between") {
  for (const Kind& kind : kKinds) {
    Bed bed(kind);
    std::string sent;
    std::string got;
    for (int i = 0; i < 60; ++i) {
      const std::string text = SomeText(1 + Pick(bed.random, 3000), bed.random);
      sent += text;
      const tls::testing::Bytes records = tls::testing::Seal(bed.client, text);
      const auto cut = static_cast<std::ptrdiff_t>(Pick(bed.random, records.size() + 1));
      bed.Say(tls::testing::Bytes(records.begin(), records.begin() + cut));
      got += bed.ReceiveAll();
      bed.Travel();
      bed.Say(tls::testing::Bytes(records.begin() + cut, records.end()));
      got += bed.ReceiveAll();
      bed.Travel();
    }
    CHECK((got == sent));
  }
}

TEST_CASE("records that came along unread are opened without the socket") {
  Bed bed;
  TlsLuggage luggage{std::move(tls::testing::MakeEnds(kKinds[0], bed.random).server)};
  Random random(52);
  tls::testing::Ends ends = MakeEnds(kKinds[0], random);
  TlsLuggage late{std::move(ends.server)};
  late.unread = Secret(TextOf(tls::testing::Seal(ends.client, "hello")));
  bed.client = std::move(ends.client);
  bed.Go(EncodeTls(late));
  CHECK(bed.stream->HasInput());
  bed.Travel();  // also before anybody has looked
  CHECK(bed.stream->HasInput());
  std::string text;
  CHECK(bed.Receive(100, text).Done());
  CHECK(text == "hello");
  CHECK_FALSE(bed.stream->HasInput());
  CHECK(bed.Receive(100, text).kind == IoResult::Kind::kAgain);
}

TEST_CASE("sending to a client that reads slowly: every byte once, in order, over journeys") {
  for (const Kind& kind : kKinds) {
    Bed bed(kind);
    const std::string text = SomeText(300'000, bed.random);
    std::string_view left = text;
    std::string got;
    int again = 0;
    int flushed = 0;
    int journeys = 0;
    while (!left.empty()) {
      const IoResult sent = bed.stream->Send(*bed.socket, left.substr(0, 20'000), false);
      if (sent.Done()) {
        left.remove_prefix(sent.size);
        continue;
      }
      REQUIRE(sent.kind == IoResult::Kind::kAgain);
      ++again;
      CHECK(bed.stream->HasUnsent());
      got += bed.Hear(1 + Pick(bed.random, 9000));
      if (Pick(bed.random, 3) == 0 && bed.stream->Flush(*bed.socket) == IoResult::Kind::kDone) {
        ++flushed;
        CHECK_FALSE(bed.stream->HasUnsent());
      }
      if (bed.stream->CanTravel()) {
        bed.Travel();
        ++journeys;
      }
    }
    while (bed.stream->Flush(*bed.socket) != IoResult::Kind::kDone) got += bed.Hear();
    got += bed.Hear();
    CHECK((got == text));
    CHECK(again > 5);
    CHECK(flushed > 0);
    CHECK(journeys > 0);
  }
}

TEST_CASE("what the watch has flushed is reported at the next offer, and not sealed again") {
  Bed bed;
  const std::string text = SomeText(30'000, bed.random);
  REQUIRE(bed.stream->Send(*bed.socket, text, false).kind == IoResult::Kind::kAgain);
  std::string got;
  while (bed.stream->Flush(*bed.socket) == IoResult::Kind::kAgain) got += bed.Hear();
  const IoResult sent = bed.stream->Send(*bed.socket, text + "more", false);
  REQUIRE(sent.Done());
  CHECK(sent.size == text.size());
  got += bed.Hear();
  CHECK((got == text));
  CHECK(bed.stream->Send(*bed.socket, "more", false).size == 4);
  CHECK(bed.Hear() == "more");
}

TEST_CASE("files: parts of any size, a slow client, and one that becomes shorter") {
  Bed bed;
  const std::string text = SomeText(200'000, bed.random);
  const UniqueFd file = FileOf(text);
  off_t offset = 100;
  std::string got;
  int again = 0;
  while (offset < 199'900) {
    const auto before = offset;
    const IoResult sent =
        bed.stream->SendFile(*bed.socket, file.Get(), offset, static_cast<std::size_t>(199'900 - offset));
    CHECK(offset == before + static_cast<off_t>(sent.size));
    if (sent.kind == IoResult::Kind::kAgain) {
      ++again;
      got += bed.Hear();
      if (bed.stream->CanTravel()) bed.Travel();
      continue;
    }
    REQUIRE(sent.Done());
  }
  got += bed.Hear();
  CHECK((got == text.substr(100, 199'800)));
  CHECK(again > 2);
  // Cut while its beginning is unsent: that is sent, then it has ended.
  REQUIRE(bed.stream->SendFile(*bed.socket, file.Get(), offset = 0, 200'000).kind == IoResult::Kind::kAgain);
  REQUIRE(::ftruncate(file.Get(), 10) == 0);
  IoResult sent;
  got.clear();
  do {
    got += bed.Hear();
    sent = bed.stream->SendFile(*bed.socket, file.Get(), offset, static_cast<std::size_t>(200'000 - offset));
  } while (sent.kind == IoResult::Kind::kAgain || sent.Done());
  CHECK(sent.kind == IoResult::Kind::kEnd);
  got += bed.Hear();
  CHECK((got == text.substr(0, static_cast<std::size_t>(offset))));
  // A descriptor that cannot be read spoils nothing.
  off_t none = 0;
  CHECK(bed.stream->SendFile(*bed.socket, -1, none, 10).errnum == EBADF);
  CHECK(bed.stream->Send(*bed.socket, "x", false).Done());
}

TEST_CASE("a key update that the client asks for is answered in front of the next text") {
  Bed bed;
  bed.Say(tls::testing::SealRaw(bed.client, tls::ContentType::kHandshake,
                                {std::byte{24}, std::byte{0}, std::byte{0}, std::byte{1}, std::byte{1}}));
  tls::testing::Crypto().schedule.Update(bed.client.suite, bed.client.write);
  std::string text;
  CHECK(bed.Receive(10, text).kind == IoResult::Kind::kAgain);
  bed.Travel();
  CHECK(bed.stream->Send(*bed.socket, "hello", false).Done());
  CHECK(bed.Hear() == "hello");
  bed.Say("world");
  CHECK(bed.ReceiveAll() == "world");
}

TEST_CASE("a wrong record: first the text before it, then EPROTO, and the client gets the alert") {
  for (const Kind& kind : kKinds) {
    Bed bed(kind);
    tls::testing::Bytes records = tls::testing::Seal(bed.client, "good");
    tls::testing::Bytes wrong = tls::testing::Seal(bed.client, "wrong");
    wrong.back() ^= std::byte{1};
    records.insert(records.end(), wrong.begin(), wrong.end());
    bed.Say(records);
    std::string text;
    CHECK(bed.Receive(2, text).Done());
    CHECK(bed.Receive(100, text).Done());
    CHECK(text == "good");
    for (int i = 0; i < 2; ++i) {
      const IoResult result = bed.Receive(100, text);
      CHECK(result.kind == IoResult::Kind::kError);
      CHECK(result.errnum == EPROTO);
    }
    CHECK_FALSE(bed.stream->CanTravel());
    CHECK(bed.stream->Send(*bed.socket, "x", false).errnum == EPROTO);
    bed.stream->SayGoodbye(*bed.socket);  // has no effect
    (void)bed.Hear();
    CHECK(bed.outcome == Outcome13::kPeerFailed);
    CHECK(bed.alert == tls::Alert::kBadRecordMac);
    CHECK(bed.heard.empty());
  }
}

TEST_CASE("the client's fatal alert is a reset") {
  Bed bed;
  bed.Say(tls::testing::SealAlert(bed.client, tls::Alert::kDecodeError));
  std::string text;
  CHECK(bed.Receive(10, text).errnum == ECONNRESET);
  CHECK(bed.Hear().empty());
}

TEST_CASE("close_notify of the client is the end of what it says, and it still gets its answer") {
  Bed bed;
  bed.Say("last");
  bed.Say(tls::testing::SealAlert(bed.client, tls::Alert::kCloseNotify));
  std::string text;
  CHECK(bed.Receive(10, text).Done());
  CHECK(text == "last");
  CHECK(bed.Receive(10, text).kind == IoResult::Kind::kEnd);
  bed.Travel();
  CHECK(bed.Receive(10, text).kind == IoResult::Kind::kEnd);
  CHECK(bed.stream->Send(*bed.socket, "answer", false).Done());
  CHECK(bed.Hear() == "answer");
}

TEST_CASE("our close_notify: once, only behind all that was sent, and nothing comes behind it") {
  Bed bed;
  CHECK(bed.stream->Send(*bed.socket, "text", false).Done());
  bed.stream->SayGoodbye(*bed.socket);
  bed.stream->SayGoodbye(*bed.socket);
  CHECK_FALSE(bed.stream->CanTravel());
  CHECK(bed.stream->Send(*bed.socket, "x", false).errnum == EPIPE);
  CHECK(bed.Hear() == "text");
  CHECK(bed.outcome == Outcome13::kClosed);
  CHECK(bed.heard.empty());
  // Receiving goes on.
  bed.client.read_ended = false;
  bed.Say("late");
  CHECK(bed.ReceiveAll() == "late");
  // With text unsent the client must see that it was cut off.
  Bed full;
  REQUIRE(full.stream->Send(*full.socket, std::string(60'000, 'x'), false).kind == IoResult::Kind::kAgain);
  full.stream->SayGoodbye(*full.socket);
  while (full.stream->Flush(*full.socket) == IoResult::Kind::kAgain) (void)full.Hear();
  (void)full.Hear();
  CHECK(full.outcome == Outcome13::kNeedMore);
}

TEST_CASE("a client that left while text was unsent: an error, and no watch that never ends") {
  Bed bed;
  const std::string text(60'000, 'x');
  REQUIRE(bed.stream->Send(*bed.socket, text, false).kind == IoResult::Kind::kAgain);
  bed.fd.Reset();
  CHECK(bed.stream->Flush(*bed.socket) == IoResult::Kind::kError);
  CHECK_FALSE(bed.stream->HasUnsent());
  CHECK_FALSE(bed.stream->CanTravel());
  CHECK(bed.stream->Send(*bed.socket, text, false).kind == IoResult::Kind::kError);
}

TEST_CASE("end of file without close_notify is an end") {
  Bed bed;
  bed.Say("last");
  REQUIRE(::shutdown(bed.fd.Get(), SHUT_WR) == 0);
  std::string text;
  CHECK(bed.Receive(10, text).Done());
  CHECK(bed.Receive(10, text).kind == IoResult::Kind::kEnd);
}

TEST_CASE("TLS 1.2: a renegotiation is refused at once, also while text is unsent") {
  Bed bed(kKinds[3]);
  const std::string text(60'000, 'x');
  REQUIRE(bed.stream->Send(*bed.socket, text, false).kind == IoResult::Kind::kAgain);
  bed.Say(tls::testing::SealRaw(bed.client, tls::ContentType::kHandshake,
                                {std::byte{1}, std::byte{0}, std::byte{0}, std::byte{0}}));
  std::string got;
  CHECK(bed.Receive(10, got).kind == IoResult::Kind::kAgain);
  std::string heard;
  while (bed.stream->Flush(*bed.socket) == IoResult::Kind::kAgain) heard += bed.Hear();
  heard += bed.Hear();
  CHECK(bed.client.dataless == 1);  // the warning, which is no error
  CHECK(bed.stream->Send(*bed.socket, text, false).Done());
  CHECK((text.starts_with(heard)));
}

TEST_CASE("nonsense is no session") {
  SessionBed worker;
  CHECK_FALSE(SecureStream::Make(worker.Env(), Secret("nonsense")).Ok());
  CHECK_FALSE(SecureStream::Make(worker.Env(), {}).Ok());
  Random random(53);
  TlsLuggage luggage{std::move(tls::testing::MakeEnds(kKinds[0], random).server)};
  luggage.unread = SecretBytes(tls::kMaxRecordBytes + 1, 'x');
  CHECK_FALSE(SecureStream::Make(worker.Env(), EncodeTls(luggage)).Ok());
  luggage.unread.clear();
  luggage.unsent_plain = 1 << 20;
  CHECK_FALSE(SecureStream::Make(worker.Env(), EncodeTls(luggage)).Ok());
}

}  // namespace preforkd::testing
