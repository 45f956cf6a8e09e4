// What the record layer asks of the system: after Make() nothing that a worker's call filter would refuse.
#include "worker/connection/tls/record_crypto.h"

#include <doctest/doctest.h>
#include <seccomp.h>

#include <initializer_list>

#include "tests/support/fork_peer.h"
#include "tests/unit/tls/record_bed.h"

namespace preforkd::tls::testing {
namespace {

constexpr int kNoFilter = 1;
constexpr int kWrong = 2;

// Any call that opens, connects or reads random bytes kills the process from now on.
bool FilterCalls() {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  bool good = filter != nullptr;
  for (const int call :
       {SCMP_SYS(openat), SCMP_SYS(open), SCMP_SYS(socket), SCMP_SYS(getrandom), SCMP_SYS(clone)})
    good = good && seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, call, 0) == 0;
  good = good && seccomp_load(filter) == 0;
  seccomp_release(filter);
  return good;
}

// Everything that a session may need.
bool LiveASession(const Kind& kind) {
  Random random(31);
  Ends ends = MakeEnds(kind, random);
  bool good = Open(ends.server, Seal(ends.client, "one")).text == "one";
  ends.server.update_due = kind.version == Version::kTls13;
  good = good && Open(ends.client, Seal(ends.server, "two")).text == "two";
  ends.server = Travelled(std::move(ends.server));
  good = good && Open(ends.client, SealAlert(ends.server, Alert::kDecodeError)).alert == Alert::kDecodeError;
  Bytes wrong = Seal(ends.client, "three");
  wrong.back() ^= std::byte{1};
  return good && Open(ends.server, wrong).alert == Alert::kBadRecordMac;
}

}  // namespace

TEST_CASE("after it was made, libcrypto opens no file: a worker makes it before its call filter") {
  const auto peer = preforkd::testing::RunPeer([] {
    Crypto();
    if (!FilterCalls()) return kNoFilter;
    for (const Kind& kind : kKinds)
      if (!LiveASession(kind)) return kWrong;
    return 0;
  });
  CHECK_MESSAGE(peer.Ok(), peer.Text());
}

TEST_CASE("several may live side by side, and each can be moved") {
  Result<RecordCrypto> first = RecordCrypto::Make();
  Result<RecordCrypto> second = RecordCrypto::Make();
  REQUIRE(first.Ok());
  REQUIRE(second.Ok());
  RecordCrypto moved = std::move(first).Value();
  Random random(32);
  Ends ends = MakeEnds(kKinds[1], random);
  Bytes record(kMinSealBuffer);
  const Bytes text = FromText("text");
  const RecordWriter::Piece piece = text;
  record.resize(RecordWriter(ends.client, moved).Seal({&piece, 1}, record).written);
  CHECK(ToText(RecordReader(ends.server, second.Value()).Open(record).plaintext) == "text");
}

}  // namespace preforkd::tls::testing
