// Fuzz target: any bytes that arrive behind a TLS handshake, and any content that a peer with the keys can
// seal, are opened or refused; what is opened is what was sealed. Any bytes are unpacked or refused as a
// state.
//
// An input is a list of steps. Byte 0 of the input: the kind of the session, by its remainder. Byte 0 of a
// step: what to do (remainder by 5); byte 1: the number of bytes that follow as its data; byte 2: content
// type, padding, or cut.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "common/base/check.h"
#include "tests/unit/tls/record_bed.h"

namespace preforkd::tls::testing {
namespace {

struct Fuzzed {
  Ends ends;
  Bytes unread;
  std::string sent;  // text that was sealed and must arrive, as long as nothing else did
  std::string read;
  bool honest = true;
  bool over = false;
};

void CheckOpened(Fuzzed& fuzzed, const Opened& opened) {
  const auto* const begin = fuzzed.unread.data();
  PF_CHECK(opened.consumed <= fuzzed.unread.size(), "more was consumed than came");
  PF_CHECK(opened.plaintext.size() <= opened.consumed, "more was opened than came");
  PF_CHECK(opened.plaintext.data() >= begin &&
               opened.plaintext.data() + opened.plaintext.size() <= begin + fuzzed.unread.size(),
           "plaintext outside of the memory that was given");
  PF_CHECK(IsUsable(fuzzed.ends.server), "a state that cannot travel");
  if (opened.outcome != Opened::Outcome::kNeedMore) return;
  PF_CHECK(fuzzed.unread.size() - opened.consumed < kMaxRecordBytes, "a whole record was left");
  PF_CHECK(opened.awaited <= kMaxRecordBytes, "a record is awaited that is too long");
}

void Deliver(Fuzzed& fuzzed, const Bytes& bytes) {
  fuzzed.unread += bytes;
  const Opened opened = RecordReader(fuzzed.ends.server, Crypto()).Open(fuzzed.unread);
  CheckOpened(fuzzed, opened);
  fuzzed.read += ToText(opened.plaintext);
  if (opened.outcome == Opened::Outcome::kBroken) {
    const Read told = Open(fuzzed.ends.client, SealAlert(fuzzed.ends.server, opened.alert));
    PF_CHECK(told.outcome == Opened::Outcome::kPeerFailed && told.alert == opened.alert,
             "an alert was not understood");
  }
  fuzzed.over = opened.outcome != Opened::Outcome::kNeedMore;
  if (!fuzzed.over) {
    fuzzed.unread.erase(fuzzed.unread.begin(), fuzzed.unread.begin() + static_cast<long>(opened.consumed));
    fuzzed.ends.server = Travelled(std::move(fuzzed.ends.server));
  }
  if (fuzzed.honest && fuzzed.unread.empty())
    PF_CHECK(fuzzed.read == fuzzed.sent, "what was sealed has not arrived");
}

void TryStep(Fuzzed& fuzzed, unsigned what, const Bytes& data, unsigned detail) {
  switch (what % 5) {
    case 0:  // bytes of anybody
      fuzzed.honest = fuzzed.honest && data.empty();
      return Deliver(fuzzed, data);
    case 1: {  // a record with any content
      fuzzed.honest = false;
      const auto type = static_cast<ContentType>(20 + detail % 5);
      const Bytes record = SealRaw(fuzzed.ends.client, type, data, {.padding = detail / 5});
      // A key update that the reader accepts is one for the client as well.
      Deliver(fuzzed, record);
      if (!fuzzed.over && fuzzed.ends.server.version == Version::kTls13 &&
          fuzzed.ends.server.read.sequence == 0)
        Crypto().schedule.Update(fuzzed.ends.client.suite, fuzzed.ends.client.write);
      return;
    }
    case 2: {  // text
      fuzzed.sent += ToText(data);
      return Deliver(fuzzed, Seal(fuzzed.ends.client, ToText(data), {.rekey_after = 1 + detail}));
    }
    case 3: {  // an answer, which is always understood
      const std::string text(detail * 100, 'a');
      const Read answer = Open(fuzzed.ends.client, Seal(fuzzed.ends.server, text));
      PF_CHECK(answer.text == text && answer.outcome == Opened::Outcome::kNeedMore,
               "an answer was not understood");
      return;
    }
    default: {  // luggage of a liar
      const Result<RecordState> state = Unpack(data);
      if (state.Ok()) PF_CHECK(Packed(state.Value()) == data, "a state was accepted that Pack does not make");
    }
  }
}

}  // namespace
}  // namespace preforkd::tls::testing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace preforkd::tls::testing;
  if (size == 0) return 0;
  Random random(data[0]);
  Fuzzed fuzzed;
  fuzzed.ends = MakeEnds(kKinds[data[0] % kKinds.size()], random);
  std::span<const std::byte> rest = std::as_bytes(std::span(data, size)).subspan(1);
  while (rest.size() >= 3 && !fuzzed.over) {
    const auto at = [&](std::size_t i) { return std::to_integer<unsigned>(rest[i]); };
    const std::span<const std::byte> bytes = rest.subspan(3, std::min<std::size_t>(at(1), rest.size() - 3));
    TryStep(fuzzed, at(0), {bytes.begin(), bytes.end()}, at(2));
    rest = rest.subspan(3 + bytes.size());
  }
  return 0;
}
