// Our record layer against OpenSSL's and GnuTLS's: a real handshake, after which it takes over one end, as a
// gate will hand it to a worker. Both versions, all suites, both ends.
#include <doctest/doctest.h>

#include "tests/loopback/tls/library_peer.h"

namespace preforkd::tls::testing {
namespace {

constexpr int kSessions = 3;
constexpr std::array<Role, 2> kRoles{Role::kServer, Role::kClient};

std::string NameOf(Role role) { return role == Role::kServer ? " as a server" : " as a client"; }

// A record that we spoil: the library says what is wrong with it. GnuTLS leaves that to its user.
void CheckTheirAlert(Takeover takeover) {
  Bytes wrong = Seal(takeover.state, "hello");
  wrong.back() ^= std::byte{1};
  takeover.peer->Feed(wrong);
  CHECK_THROWS(takeover.peer->Read());
  const Read told = Open(takeover.state, takeover.peer->TakeOut());
  CHECK(told.outcome == Opened::Outcome::kPeerFailed);
  CHECK(told.alert == Alert::kBadRecordMac);
}

void CheckOurAlert(Takeover takeover) {
  takeover.peer->Feed(SealAlert(takeover.state, Alert::kDecodeError));
  CHECK_THROWS(takeover.peer->Read());
}

void CheckRefusal(Takeover& takeover) {
  REQUIRE_FALSE(takeover.peer->Renegotiate());
  REQUIRE(Open(takeover.state, takeover.peer->TakeOut()).outcome == Opened::Outcome::kNeedMore);
  REQUIRE(RecordWriter(takeover.state, Crypto()).Owes());
  takeover.peer->Feed(SealOwed(takeover.state));
  CHECK(takeover.peer->Renegotiate());
}

}  // namespace

TEST_CASE("a session that OpenSSL has begun goes on in our record layer") {
  Random random(21);
  for (const Kind& kind : kKinds) {
    for (const Role role : kRoles) {
      INFO(NameOf(kind), NameOf(role));
      for (int i = 0; i < kSessions; ++i) Converse(TakeOverFromOpenssl(kind, role), random, 12);
    }
  }
}

TEST_CASE("a session that GnuTLS has begun goes on in our record layer") {
  Random random(22);
  for (const Kind& kind : kKinds) {
    for (const Role role : kRoles) {
      INFO(NameOf(kind), NameOf(role));
      // GnuTLS ends a session with more than 8 key updates in a second.
      for (int i = 0; i < kSessions; ++i) Converse(TakeOverFromGnutls(kind, role), random, 3);
    }
  }
}

TEST_CASE("alerts are understood, ours by the libraries and theirs by us") {
  for (const Kind& kind : kKinds) {
    INFO(NameOf(kind));
    CheckTheirAlert(TakeOverFromOpenssl(kind, Role::kServer));
    CheckOurAlert(TakeOverFromOpenssl(kind, Role::kServer));
    CheckOurAlert(TakeOverFromGnutls(kind, Role::kServer));
  }
}

TEST_CASE("TLS 1.2: a client that asks to renegotiate is refused, and may go on") {
  Random random(23);
  for (std::size_t i = 3; i < kKinds.size(); ++i) {
    INFO(NameOf(kKinds[i]));
    Takeover openssl = TakeOverFromOpenssl(kKinds[i], Role::kServer);  // which gives up by itself
    CheckRefusal(openssl);
    Takeover gnutls = TakeOverFromGnutls(kKinds[i], Role::kServer);
    CheckRefusal(gnutls);
    Converse(std::move(gnutls), random, 0);
  }
}

}  // namespace preforkd::tls::testing
