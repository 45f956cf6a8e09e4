// Odd and hostile bytes: each row is bytes in, outcome out. How a row is tried is in row_check.h.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/loopback/http/hostile_rows.h"
#include "tests/loopback/http/http_bed.h"
#include "tests/loopback/http/row_check.h"

namespace preforkd::testing {
namespace {

void CheckWithMirror(const std::vector<HostileRow>& rows) {
  HttpBed bed({}, Mirror);
  CheckRows(bed, rows);
}

TEST_CASE("start lines") { CheckWithMirror(StartLineRows()); }
TEST_CASE("fields") { CheckWithMirror(FieldRows()); }
TEST_CASE("lengths and encodings") {
  CheckWithMirror(LengthRows());
  CheckWithMirror(EncodingRows());
}
TEST_CASE("chunked bodies") { CheckWithMirror(ChunkRows()); }
TEST_CASE("connections") { CheckWithMirror(ConnectionRows()); }

// Too long to be cut at every byte.
TEST_CASE("a request that is too long is refused, however it is cut") {
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
}  // namespace preforkd::testing
