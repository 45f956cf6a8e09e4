// Odd and hostile bytes: each row is bytes in, outcome out. Each row is sent in one piece, then cut at every byte
// boundary, then byte by byte, with the same outcome; and after each the same service answers the next client.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/loopback/http/http_bed.h"

namespace preforkd::test {
namespace {

struct Row {
  const char* name;
  std::string bytes;
  std::vector<int> statuses;  // in order; 1xx left out
  bool ended = false;         // the server ends the connection
  const char* body = nullptr;  // of the last answer
};

std::string Get(std::string_view fields = "", std::string_view target = "/") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}
std::string Post(std::string_view fields, std::string_view body = "") {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n" + std::string(body);
}
std::string Chunked(std::string_view body) { return Post("Transfer-Encoding: chunked\r\n", body); }
std::string Nul(std::string text) {
  for (char& c : text) {
    if (c == '@') c = '\0';
  }
  return text;
}

// The numbers are those of the list of cases (RFC 9112, Http11Probe, HTTP Garden, nginx-tests ...).
std::vector<Row> StartLineRows() {
  return {
      {"1 empty lines first", "\r\n\r\n" + Get(), {200}},
      {"1 too many empty lines", "\r\n\r\n\r\n\r\n\r\n" + Get(), {400}, true},
      {"3 bare CR", "GET / HTTP/1.1\rHost: a\r\r", {400}, true},
      {"5 more behind the version", "GET / HTTP/1.1 x\r\nHost: a\r\n\r\n", {400}, true},
      {"7 HTTP/0.9", "GET /\r\n", {400}, true},
      {"7 only a method", "GET\r\n\r\n", {400}, true},
      {"9 HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", {505}, true},
      {"9 HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", {505}, true},
      {"9 HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {505}, true},
      {"9 no such version", "GET / HTTP/1.1.1\r\nHost: a\r\n\r\n", {400}, true},
      {"9 version in small letters", "GET / http/1.1\r\nHost: a\r\n\r\n", {400}, true},
      {"11 NUL in the method", Nul("G@ET / HTTP/1.1\r\nHost: a\r\n\r\n"), {400}, true},
      {"11 bracket in the method", "GE(T / HTTP/1.1\r\nHost: a\r\n\r\n", {400}, true},
      {"11 colon in the method", "-bl: / HTTP/1.1\r\nHost: a\r\n\r\n", {400}, true},
      {"11 unknown method", "FOO / HTTP/1.1\r\nHost: a\r\n\r\n", {501}, true},
      {"11 method in small letters", "get / HTTP/1.1\r\nHost: a\r\n\r\n", {501}, true},
      {"11 space first", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", {400}, true},
      {"15 space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", {400}, true},
      {"15 two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", {400}, true},
      {"15 tab for space", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", {400}, true},
      {"17 fragment", Get("", "/a#frag"), {400}, true},
      {"19 overlong slash", Get("", "/%c0%af.."), {200}, false, "GET /\xc0\xaf.. "},
      {"19 above the root", Get("", "/%2e%2e/etc/passwd"), {400}, true},
      {"19 bad escape", Get("", "/%zz"), {400}, true},
      {"19 encoded NUL", Get("", "/a%00b"), {400}, true},
      {"19 byte outside ASCII", Get("", "/\xff"), {400}, true},
      {"21 absolute target wins", "GET http://a/x HTTP/1.1\r\nHost: b\r\n\r\n", {200}, false, "GET /x "},
      {"21 absolute target without host", "GET http:///x HTTP/1.1\r\nHost: b\r\n\r\n", {400}, true},
      {"21 absolute target with user", "GET http://u@a/x HTTP/1.1\r\nHost: b\r\n\r\n", {400}, true},
      {"23 authority", Get("", "a:80"), {400}, true},
      {"23 word", Get("", "admin"), {400}, true},
      {"23 asterisk", Get("", "*"), {400}, true},
      {"23 OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", {200}, false, "OPTIONS * "},
      {"25 CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", {501}, true},
      {"25 CONNECT /", "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", {400}, true},
      {"87 TLS ClientHello", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), {400}, true},
  };
}

std::vector<Row> FieldRows() {
  return {
      {"27 1.1 without Host", "GET / HTTP/1.1\r\n\r\n", {400}, true},
      {"28 1.0 without Host", "GET / HTTP/1.0\r\n\r\n", {200}, true},
      {"29 two Hosts", Get("Host: a\r\n"), {400}, true},
      {"29 two different Hosts", Get("Host: b\r\n"), {400}, true},
      {"31 empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", {400}, true},
      {"31 Host that is none", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", {400}, true},
      {"31 Host list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", {400}, true},
      {"31 Host with port", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", {200}},
      {"33 space before the first field", "GET / HTTP/1.1\r\n Foo: bar\r\nHost: a\r\n\r\n", {400}, true},
      {"34 folded line", Get("X: a\r\n b\r\n"), {400}, true},
      {"34 folded with tab", Get("X: a\r\n\tb\r\n"), {400}, true},
      {"35 no colon", Get("Foo\r\n"), {400}, true},
      {"35 empty name", Get(": x\r\n"), {400}, true},
      {"35 space before the colon", Get("X : a\r\n"), {400}, true},
      {"35 space in a name", Get("X Y: a\r\n"), {400}, true},
      {"35 bad byte in a name", Get("X(: a\r\n"), {400}, true},
      {"37 NUL in a value", Get(Nul("X: a@b\r\n")), {400}, true},
      {"37 bare CR in a value", Get("X: a\rb\r\n"), {400}, true},
      {"37 bare LF in a value", Get("X: a\nb: c\r\n"), {400}, true},
      {"37 bare LF ends the head", "GET / HTTP/1.1\nHost: a\n\n", {400}, true},
      {"37 bell in a value", Get("X: a\x07\r\n"), {400}, true},
      {"39 blanks around a value", Get("X:\t v \t\r\n"), {200}, false, "GET / [v] "},
      {"39 empty value", Get("X:\r\n"), {200}, false, "GET / [] "},
      {"41 obs-text", Get("X: \xff\r\n"), {200}, false, "GET / [\xff] "},
      {"45 underscores", Get("Transfer_Encoding: chunked\r\nContent_Length: 5\r\n"), {200}},
      {"47 Connection names Host", Get("Connection: Host\r\n"), {200}},
      {"47 Connection names the length", Post("Connection: Content-Length\r\nContent-Length: 2\r\n", "hi"), {200},
       false, "POST / hi"},
      {"57 TE: trailers", Get("TE: trailers\r\nConnection: TE\r\n"), {200}},
      {"57 Upgrade is ignored", Get("Connection: Upgrade\r\nUpgrade: h2c\r\n"), {200}},
      {"85 unknown expectation", Get("Expect: x\r\n"), {417}, true},
      {"85 100-continue without body", Get("Expect: 100-continue\r\n"), {200}},
      {"91 1.0 expects nothing", "POST / HTTP/1.0\r\nExpect: x\r\nContent-Length: 2\r\n\r\nhi", {200}, true},
  };
}

std::vector<Row> LengthRows() {
  std::vector<Row> rows = {
      {"49 length overflow", Post("Content-Length: 99999999999999999999999\r\n"), {400}, true},
      {"51 two lengths", Post("Content-Length: 2\r\nContent-Length: 3\r\n", "hi"), {400}, true},
      {"51 two equal lengths", Post("Content-Length: 2\r\nContent-Length: 2\r\n", "hi"), {400}, true},
      {"51 list of lengths", Post("Content-Length: 5, 6\r\n", "hello"), {400}, true},
      {"53 zeros in front", Post("Content-Length: 005\r\n", "hello"), {200}, false, "POST / hello"},
      {"54 length, then encoding", Post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), {400}, true},
      {"54 encoding, then length", Post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"), {400}, true},
      {"55 1.0 with encoding", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400}, true},
      {"55 two encoding fields", Chunked("").insert(17, "Transfer-Encoding: chunked\r\n"), {400}, true},
      {"59 POST without length", Post(""), {200}, false, "POST / "},
      {"63 above the maximum", Post("Content-Length: 1048577\r\n"), {413}, true},
  };
  for (const char* value : {"+5", "-1", "-0", "0x5", "5 5", "5_0", "5a", "", "5;", "\x0b" "5"}) {
    rows.push_back({"48 bad length", Post("Content-Length: " + std::string(value) + "\r\n", "hello"), {400}, true});
  }
  rows.push_back({"55 gzip, chunked", Post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), {501}, true});
  for (const char* value : {"chunked, gzip", "chunked, chunked", "identity", "xchunked", "chunked;a=b", ",chunked", "",
                            "\x0b" "chunked", "chunked@"}) {
    rows.push_back({"55 bad encoding", Post(Nul("Transfer-Encoding: " + std::string(value) + "\r\n"), "0\r\n\r\n"),
                    {400}, true});
  }
  for (const char* method : {"GET", "HEAD", "OPTIONS", "DELETE"}) {
    if (std::string_view(method) == "HEAD") continue;  // its answers do not parse as the others do: session_test
    rows.push_back({"58 body of any method",
                    std::string(method) + " / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" + Get("", "/next"),
                    {200, 200}, false, "GET /next "});
  }
  return rows;
}

std::vector<Row> ChunkRows() {
  std::vector<Row> rows = {
      {"66 well-formed", Chunked("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"), {200}, false, "POST / hello world"},
      {"66 next at the right byte", Chunked("A\r\n0123456789\r\n0\r\n\r\n") + Get("", "/n"), {200, 200}, false, "GET /n "},
      {"66 trailer", Chunked("1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\n") + Get("", "/n"), {200, 200}, false, "GET /n "},
      {"66 bad trailer", Chunked("1\r\nx\r\n0\r\nA b: c\r\n\r\n"), {400}, true},
      {"66 folded trailer", Chunked("1\r\nx\r\n0\r\nA: b\r\n c\r\n\r\n"), {400}, true},
      {"66 bare LF in a trailer", Chunked("1\r\nx\r\n0\r\nA: b\n\r\n"), {400}, true},
      {"67 data longer than its size", Chunked("5\r\nhelloX\r\n0\r\n\r\n"), {400}, true},
      {"67 data shorter than its size", Chunked("5\r\nhell\r\n0\r\n\r\n"), {400}, true},
      {"67 no CRLF behind data", Chunked("5\r\nhello0\r\n\r\n"), {400}, true},
      {"67 bare LF behind the size", Chunked("5\nhello\r\n0\r\n\r\n"), {400}, true},
      {"67 bare LF behind data", Chunked("5\r\nhello\n0\r\n\r\n"), {400}, true},
      {"69 extension", Chunked("5;a=b;c=\"x;y\"\r\nhello\r\n0;z\r\n\r\n"), {200}, false, "POST / hello"},
      {"69 quote not closed", Chunked("5;c=\"x\r\nhello\r\n0\r\n\r\n"), {400}, true},
      {"69 NUL in an extension", Chunked(Nul("5;a@\r\nhello\r\n0\r\n\r\n")), {400}, true},
      {"69 chunk above the maximum", Chunked("100001\r\n"), {413}, true},
  };
  for (const char* size : {"0x5", "+5", "-5", " 5", "5 ", "5_0", "g", "", "FFFFFFFFFFFFFFFFF", "00000000000000005"}) {
    rows.push_back({"65 bad size", Chunked(std::string(size) + "\r\nhello\r\n0\r\n\r\n"), {400}, true});
  }
  return rows;
}

std::vector<Row> ConnectionRows() {
  const std::string bad = "GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n";
  return {
      {"75 a bad one in the middle", Get() + Get() + bad + Get(), {200, 200, 400}, true},
      {"77 1.0 closes", "GET / HTTP/1.0\r\n\r\n", {200}, true},
      {"77 1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", {200}},
      {"77 1.1 close", Get("Connection: close\r\n") + Get(), {200}, true},
      {"77 close among others", Get("Connection: x, Close ,y\r\n") + Get(), {200}, true},
      {"77 close wins", Get("Connection: keep-alive, close\r\n") + Get(), {200}, true},
  };
}

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
  CHECK(Send(bed, Get("", "/next"), {}) == Outcome{{200}, "GET /next ", false});
}

void CheckRow(HttpBed& bed, const Row& row) {
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

void CheckRows(const std::vector<Row>& rows) {
  HttpBed bed({}, Mirror);
  for (const Row& row : rows) CheckRow(bed, row);
}

TEST_CASE("start lines") { CheckRows(StartLineRows()); }
TEST_CASE("fields") { CheckRows(FieldRows()); }
TEST_CASE("lengths and encodings") { CheckRows(LengthRows()); }
TEST_CASE("chunked bodies") { CheckRows(ChunkRows()); }
TEST_CASE("connections") { CheckRows(ConnectionRows()); }

// Too long to be cut at every byte.
TEST_CASE("what is too long is refused, however it is cut") {
  const std::string many = [] {
    std::string fields;
    for (int i = 0; i < 10000; ++i) fields += "X: y\r\n";
    return fields;
  }();
  const std::vector<Row> rows = {
      {"13 method of 100 kB", std::string(100'000, 'A') + " / HTTP/1.1\r\nHost: a\r\n\r\n", {501}, true},
      {"14 target of 100 kB", Get("", "/" + std::string(100'000, 'a')), {414}, true},
      {"42 10,000 fields", Get(many), {431}, true},
      {"42 field of 100 kB", Get("X: " + std::string(100'000, 'a') + "\r\n"), {431}, true},
      {"42 many long fields", Get("A: " + std::string(9000, 'a') + "\r\nB: " + std::string(9000, 'b') + "\r\n"),
       {431}, true},
      {"69 extension of 100 kB", Chunked("5;" + std::string(100'000, 'a') + "\r\nhello\r\n0\r\n\r\n"), {400}, true},
      {"69 trailer of 100 kB", Chunked("0\r\nA: " + std::string(100'000, 'a') + "\r\n\r\n"), {413}, true},
  };
  HttpBed bed({}, Mirror);
  for (const Row& row : rows) {
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
  bed.Exchange(*client, Chunked(body));
  CHECK(OutcomeOf(*client).statuses == std::vector<int>{413});
  CHECK(client->Ended());
  CheckNextClient(bed);
}

TEST_CASE("61, 73 a body that ends before its end is not a request") {
  int served = 0;
  HttpBed bed({}, [&served](const HttpRequest&, HttpResponse&) { ++served; });
  for (const std::string& bytes : {Post("Content-Length: 10\r\n", "short"), Chunked("5\r\nhello\r\n"), Chunked("0\r\n")}) {
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
