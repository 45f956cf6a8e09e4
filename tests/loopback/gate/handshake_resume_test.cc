// Session tickets: they are good in any gate that has the page of the key, as long as the key stays.
#include <doctest/doctest.h>

#include "tests/loopback/gate/handshake_bed.h"

namespace preforkd::testing {
namespace {

TicketPage NewPage(char key) {
  TicketPage page = std::move(TicketPage::Create()).Value();
  page.Write(SecretBytes(kTicketKeyBytes, key), 1);
  return page;
}

std::optional<TicketPage> ForGate(const TicketPage& page) {
  return std::move(TicketPage::MapForGate(page.Fd())).Value();
}

ClientOptions OptionsOf(int version) {
  ClientOptions options;
  options.server_name = "a.test";
  options.lowest = options.highest = version;
  return options;
}

// A session of a client that has talked a little: tickets of TLS 1.3 come behind the handshake.
std::string SessionOf(Shaken& shaken) {
  const std::string record(TextOf(tls::testing::Seal(shaken.session.state, "hello")));
  shaken.client->Feed(BytesOf(record));
  REQUIRE(shaken.client->Read() == "hello");
  return shaken.client->Session();
}

bool Resumes(const GateSettings& settings, ClientOptions options, const std::string& session,
             const Library& library) {
  options.session = session;
  Shaken shaken = ShakeHands(settings, options, library.make);
  CHECK(shaken.session.facts.resumed == shaken.client->Resumed());
  CHECK(shaken.session.facts.server_name == options.server_name);
  tls::testing::Random random(5);
  const bool resumed = shaken.session.facts.resumed;
  tls::testing::Converse({std::move(shaken.client), std::move(shaken.session.state)}, random, 2);
  return resumed;
}

}  // namespace

TEST_CASE("a ticket resumes the session: at this gate, at another, and at none whose key is another") {
  TicketPage page = NewPage('a');
  const TicketPage foreign = NewPage('b');
  const GateSettings one = MakeSettings({}, ForGate(page));
  const GateSettings two = MakeSettings({}, ForGate(page));
  const GateSettings other = MakeSettings({}, ForGate(foreign));
  const GateSettings none = MakeSettings();
  for (const Library& library : kLibraries) {
    for (const int version : {12, 13}) {
      INFO(std::string(library.name), " ", version);
      Shaken first = ShakeHands(one, OptionsOf(version), library.make);
      CHECK_FALSE(first.session.facts.resumed);
      if (version == 13) CHECK(first.session.state.write.sequence == 1);  // the ticket's
      const std::string session = SessionOf(first);
      REQUIRE_FALSE(session.empty());
      CHECK(Resumes(one, OptionsOf(version), session, library));
      CHECK(Resumes(two, OptionsOf(version), session, library));
      CHECK_FALSE(Resumes(other, OptionsOf(version), session, library));
      CHECK_FALSE(Resumes(none, OptionsOf(version), session, library));
      page.Write(SecretBytes(kTicketKeyBytes, 'c'), 2);
      CHECK_FALSE(Resumes(one, OptionsOf(version), session, library));
      page.Write(SecretBytes(kTicketKeyBytes, 'a'), 3);
      CHECK(Resumes(one, OptionsOf(version), session, library));
    }
  }
}

TEST_CASE(
    "no tickets: without a page, without a key in it, with a lifetime of 0, and if clients are verified") {
  TicketPage page = NewPage('a');
  const TicketPage empty = std::move(TicketPage::Create()).Value();
  TlsConfig none;
  none.ticket_lifetime = Duration(0);
  TlsConfig verified;
  verified.client_certificates = ClientCertificates::kOptional;
  for (const int version : {12, 13}) {
    const auto gives = [version](const GateSettings& settings) {
      Shaken shaken = ShakeHands(settings, OptionsOf(version));
      return !SessionOf(shaken).empty();
    };
    CHECK(gives(MakeSettings({}, ForGate(page))));
    CHECK_FALSE(gives(MakeSettings()));
    CHECK_FALSE(gives(MakeSettings({}, ForGate(empty))));
    CHECK_FALSE(gives(MakeSettings(none, ForGate(page))));
    CHECK_FALSE(gives(MakeSettings(verified, ForGate(page), TestAuthority().pem)));
  }
}

TEST_CASE("a session of TLS 1.2 that a client of TLS 1.3 offers leads to a full handshake") {
  const TicketPage page = NewPage('a');
  const GateSettings settings = MakeSettings({}, ForGate(page));
  Shaken first = ShakeHands(settings, OptionsOf(12));
  ClientOptions options;
  options.server_name = "a.test";
  options.session = SessionOf(first);
  // The second guesses a curve that the server does not take: it says hello twice.
  for (const char* groups : {"", "X448:P-256"}) {
    options.groups = groups;
    Shaken shaken = ShakeHands(settings, options);
    CHECK(shaken.session.facts.version == tls::Version::kTls13);
    CHECK_FALSE(shaken.session.facts.resumed);
    CHECK_FALSE(shaken.client->Resumed());
    CHECK_FALSE(SessionOf(shaken).empty());
  }
  // Byte by byte: what has come before the end of the hello is kept for the second session.
  const std::unique_ptr<TlsClient> client = MakeOpensslClient(options);
  Handshake gate(settings);
  const auto feed = [](Handshake& to, std::string_view bytes) {
    Handshake::Step step = Handshake::Step::kMore;
    for (const char& byte : bytes) step = to.Feed({&byte, 1});
    return step;
  };
  const Outcome outcome = Shake(gate, *client, feed);
  CHECK(outcome.error.empty());
  CHECK(outcome.server_done);
  CHECK_FALSE(client->Resumed());
}

TEST_CASE("a client that wants no ticket gets none, and its session goes on") {
  const TicketPage page = NewPage('a');
  const GateSettings settings = MakeSettings({}, ForGate(page));
  tls::testing::Random random(6);
  for (const Library& library : kLibraries) {
    for (const int version : {12, 13}) {
      INFO(std::string(library.name), " ", version);
      ClientOptions options = OptionsOf(version);
      options.tickets = false;
      Shaken shaken = ShakeHands(settings, options, library.make);
      tls::testing::Converse({std::move(shaken.client), std::move(shaken.session.state)}, random, 2);
    }
  }
}

TEST_CASE("a session is resumed under another name too: all names have the same settings") {
  const TicketPage page = NewPage('a');
  const GateSettings settings = MakeSettings({}, ForGate(page));
  Shaken first = ShakeHands(settings, OptionsOf(13));
  const std::string session = SessionOf(first);
  ClientOptions options = OptionsOf(13);
  options.server_name = "other.test";
  options.session = session;
  CHECK(ShakeHands(settings, options).session.facts.server_name == "other.test");
}

}  // namespace preforkd::testing
