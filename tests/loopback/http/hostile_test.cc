// Odd and hostile bytes: each row is bytes in, outcome out. Each row is sent in one piece, then cut at every
// byte boundary, then byte by byte, with the same outcome; and after each the same service answers the next
// client.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/loopback/http/hostile_rows.h"
#include "tests/loopback/http/http_bed.h"

namespace preforkd::test {
namespace {

struct Outcome {
  std::vector<int> statuses;
  std::string body;
  bool ended = false;
  bool operator==(const Outcome&) const = default;
};

Outcome OutcomeOf(const Client& client) {
  Outcome outcome;
  outcome.ended = client.Ended();
  for (const Answer& answer : ParseAnswers(client.Received())) {
    if (answer.status >= 100 && answer.status < 200) continue;
    outcome.statuses.push_back(answer.status);
    outcome.body = answer.body;
  }
  return outcome;
}

// Sends `bytes` in pieces of the given sizes; what is left behind the last goes as one piece.
Outcome Send(HttpBed& bed, std::string_view bytes, const std::vector<std::size_t>& pieces) {
  const auto client = bed.Connect();
  for (const std::size_t size : pieces) {
    bed.Exchange(*client, bytes.substr(0, size));
    bytes.remove_prefix(std::min(size, bytes.size()));
  }
  if (!bytes.empty()) bed.Exchange(*client, bytes);
  const Outcome outcome = OutcomeOf(*client);
  client->Close();
  bed.Turn();
  CHECK(bed.Live() == 0);
  return outcome;
}

void CheckNextClient(HttpBed& bed) {
  CHECK(Send(bed, GetRequest("", "/next"), {}) == Outcome{{200}, "GET /next ", false});
}

void CheckRow(HttpBed& bed, const HostileRow& row) {
  CAPTURE(row.name);
  CAPTURE(row.bytes);
  const Outcome whole = Send(bed, row.bytes, {});
  CHECK(whole.statuses == row.statuses);
  CHECK(whole.ended == row.ended);
  if (row.body != nullptr) CHECK(whole.body == row.body);
  CheckNextClient(bed);
  for (std::size_t cut = 1; cut < row.bytes.size(); ++cut) {
    CAPTURE(cut);
    REQUIRE(Send(bed, row.bytes, {cut}) == whole);
  }
  CHECK(Send(bed, row.bytes, std::vector<std::size_t>(row.bytes.size(), 1)) == whole);
  CheckNextClient(bed);
}

void CheckRows(const std::vector<HostileRow>& rows) {
  HttpBed bed({}, Mirror);
  for (const HostileRow& row : rows) CheckRow(bed, row);
}

TEST_CASE("start lines") {
  CheckRows(StartLineRows());
}
TEST_CASE("fields") {
  CheckRows(FieldRows());
}
TEST_CASE("lengths and encodings") {
  CheckRows(LengthRows());
}
TEST_CASE("chunked bodies") {
  CheckRows(ChunkRows());
}
TEST_CASE("connections") {
  CheckRows(ConnectionRows());
}

// Too long to be cut at every byte.
TEST_CASE("what is too long is refused, however it is cut") {
  const std::string many = [] {
    std::string fields;
    for (int i = 0; i < 10000; ++i) fields += "X: y\r\n";
    return fields;
  }();
  const std::vector<HostileRow> rows = {
      {"13 method of 100 kB", std::string(100'000, 'A') + " / HTTP/1.1\r\nHost: a\r\n\r\n", {501}, true},
      {"14 target of 100 kB", GetRequest("", "/" + std::string(100'000, 'a')), {414}, true},
      {"42 10,000 fields", GetRequest(many), {431}, true},
      {"42 field of 100 kB", GetRequest("X: " + std::string(100'000, 'a') + "\r\n"), {431}, true},
      {"42 many long fields",
       GetRequest("A: " + std::string(9000, 'a') + "\r\nB: " + std::string(9000, 'b') + "\r\n"),
       {431},
       true},
      {"69 extension of 100 kB",
       ChunkedRequest("5;" + std::string(100'000, 'a') + "\r\nhello\r\n0\r\n\r\n"),
       {400},
       true},
      {"69 trailer of 100 kB",
       ChunkedRequest("0\r\nA: " + std::string(100'000, 'a') + "\r\n\r\n"),
       {413},
       true},
  };
  HttpBed bed({}, Mirror);
  for (const HostileRow& row : rows) {
    CAPTURE(row.name);
    for (const std::size_t cut : {0UL, 1UL, 33UL, 16383UL, 16384UL, 16385UL, 65536UL}) {
      CAPTURE(cut);
      const Outcome outcome = Send(bed, row.bytes, {cut});
      CHECK(outcome.statuses == row.statuses);
      CHECK(outcome.ended);
    }
    CheckNextClient(bed);
  }
}

TEST_CASE("71 a million one-byte chunks are refused early") {
  std::string body;
  for (int i = 0; i < 1'000'000; ++i) body += "1\r\nx\r\n";
  HttpBed bed({}, Mirror);
  const auto client = bed.Connect();
  bed.Exchange(*client, ChunkedRequest(body));
  CHECK(OutcomeOf(*client).statuses == std::vector<int>{413});
  CHECK(client->Ended());
  client->Close();
  bed.Turn();
  CheckNextClient(bed);
}

TEST_CASE("61, 73 a body that ends before its end is not a request") {
  int served = 0;
  HttpBed bed({}, [&served](const HttpRequest&, HttpResponse&) { ++served; });
  for (const std::string& bytes : {PostRequest("Content-Length: 10\r\n", "short"),
                                   ChunkedRequest("5\r\nhello\r\n"), ChunkedRequest("0\r\n")}) {
    const auto client = bed.Connect();
    bed.Exchange(*client, bytes);
    client->Finish();
    bed.Exchange(*client, "");
    CHECK(client->Received().empty());
    CHECK(client->Ended());
  }
  CHECK(served == 0);
  CHECK(bed.Live() == 0);
}

}  // namespace
}  // namespace preforkd::test
