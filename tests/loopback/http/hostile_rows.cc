#include "tests/loopback/http/hostile_rows.h"

namespace preforkd::testing {
namespace {

// With a NUL for every @.
std::string Nul(std::string text) {
  for (char& c : text) {
    if (c == '@') c = '\0';
  }
  return text;
}

}  // namespace

std::string GetRequest(std::string_view fields, std::string_view target) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}
std::string PostRequest(std::string_view fields, std::string_view body) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n" + std::string(body);
}
std::string ChunkedRequest(std::string_view body) {
  return PostRequest("Transfer-Encoding: chunked\r\n", body);
}

std::string HeadOf(std::string_view start_line, std::string_view fields) {
  return std::string(start_line) + "\r\n" + std::string(fields) + "\r\n";
}

std::vector<HostileRow> StartLineRows() {
  return {
      {"1 empty lines first", "\r\n\r\n" + GetRequest(), {200}},
      {"1 too many empty lines", "\r\n\r\n\r\n\r\n\r\n" + GetRequest(), {400}, true},
      {"3 bare CR", "GET / HTTP/1.1\rHost: a\r\r", {400}, true},
      {"3 bare CR before the method", "\r" + GetRequest(), {400}, true},
      {"3 bare CR in the method", "G\rET / HTTP/1.1\r\nHost: a\r\n\r\n", {400}, true},
      {"3 bare CR behind the method", "GET\r / HTTP/1.1\r\nHost: a\r\n\r\n", {400}, true},
      {"5 more behind the version", "GET / HTTP/1.1 x\r\nHost: a\r\n\r\n", {400}, true},
      {"7 HTTP/0.9", "GET /\r\n", {400}, true},
      {"7 only a method", "GET\r\n\r\n", {400}, true},
      {"9 HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", {505}, true},
      {"9 HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {505}, true},
      {"9 no such version", "GET / HTTP/1.1.1\r\nHost: a\r\n\r\n", {400}, true},
      {"9 version in small letters", "GET / http/1.1\r\nHost: a\r\n\r\n", {400}, true},
      {"11 NUL in the method", Nul("G@ET / HTTP/1.1\r\nHost: a\r\n\r\n"), {400}, true},
      {"11 bracket in the method", "GE(T / HTTP/1.1\r\nHost: a\r\n\r\n", {400}, true},
      {"11 colon in the method", "-bl: / HTTP/1.1\r\nHost: a\r\n\r\n", {400}, true},
      {"11 unknown method", "FOO / HTTP/1.1\r\nHost: a\r\n\r\n", {501}, true},
      {"11 method in small letters", "get / HTTP/1.1\r\nHost: a\r\n\r\n", {501}, true},
      {"11 unknown method, and no more", "FOO ", {501}, true},
      {"11 bracket in the method, and no more", "GE(", {400}, true},
      {"11 long method, and no more", std::string(33, 'A'), {501}, true},
      {"11 space first", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", {400}, true},
      {"15 space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", {400}, true},
      {"15 two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", {400}, true},
      {"15 tab for space", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", {400}, true},
      {"17 fragment", GetRequest("", "/a#frag"), {400}, true},
      {"19 overlong slash", GetRequest("", "/%c0%af.."), {200}, false, "GET /\xc0\xaf.. "},
      {"19 above the root", GetRequest("", "/%2e%2e/etc/passwd"), {400}, true},
      {"19 bad escape", GetRequest("", "/%zz"), {400}, true},
      {"19 encoded NUL", GetRequest("", "/a%00b"), {400}, true},
      {"19 byte outside ASCII", GetRequest("", "/\xff"), {400}, true},
      {"21 absolute target wins", "GET http://a/x HTTP/1.1\r\nHost: b\r\n\r\n", {200}, false, "GET /x "},
      {"21 absolute target without host", "GET http:///x HTTP/1.1\r\nHost: b\r\n\r\n", {400}, true},
      {"21 absolute target with user", "GET http://u@a/x HTTP/1.1\r\nHost: b\r\n\r\n", {400}, true},
      {"21 absolute target, IPv6", "GET HTTP://[::1]:80 HTTP/1.1\r\nHost: b\r\n\r\n", {200}, false, "GET / "},
      {"23 authority", GetRequest("", "a:80"), {400}, true},
      {"23 word", GetRequest("", "admin"), {400}, true},
      {"23 asterisk", GetRequest("", "*"), {400}, true},
      {"23 OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", {200}, false, "OPTIONS * "},
      {"25 CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", {501}, true},
      {"25 CONNECT /", "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", {400}, true},
      {"87 TLS ClientHello", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), {400}, true},
  };
}

std::vector<HostileRow> FieldRows() {
  return {
      {"27 1.1 without Host", "GET / HTTP/1.1\r\n\r\n", {400}, true},
      {"28 1.0 without Host", "GET / HTTP/1.0\r\n\r\n", {200}, true},
      {"29 two Hosts", GetRequest("Host: a\r\n"), {400}, true},
      {"29 two different Hosts", GetRequest("Host: b\r\n"), {400}, true},
      {"31 empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", {400}, true},
      {"31 Host that is none", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", {400}, true},
      {"31 Host list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", {400}, true},
      {"31 Host with port", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", {200}},
      {"33 space before the first field", "GET / HTTP/1.1\r\n Foo: bar\r\nHost: a\r\n\r\n", {400}, true},
      {"34 folded line", GetRequest("X: a\r\n b\r\n"), {400}, true},
      {"34 folded with tab", GetRequest("X: a\r\n\tb\r\n"), {400}, true},
      {"35 no colon", GetRequest("Foo\r\n"), {400}, true},
      {"35 empty name", GetRequest(": x\r\n"), {400}, true},
      {"35 space before the colon", GetRequest("X : a\r\n"), {400}, true},
      {"35 space in a name", GetRequest("X Y: a\r\n"), {400}, true},
      {"35 bad byte in a name", GetRequest("X(: a\r\n"), {400}, true},
      {"37 NUL in a value", GetRequest(Nul("X: a@b\r\n")), {400}, true},
      {"37 bare CR in a value", GetRequest("X: a\rb\r\n"), {400}, true},
      {"37 bare LF in a value", GetRequest("X: a\nb: c\r\n"), {400}, true},
      {"37 bare LF ends the head", "GET / HTTP/1.1\nHost: a\n\n", {400}, true},
      {"37 bell in a value", GetRequest("X: a\x07\r\n"), {400}, true},
      {"39 blanks around a value", GetRequest("X:\t v \t\r\n"), {200}, false, "GET / [v] "},
      {"39 empty value", GetRequest("X:\r\n"), {200}, false, "GET / [] "},
      {"41 obs-text", GetRequest("X: \xff\r\n"), {200}, false, "GET / [\xff] "},
      {"45 underscores", GetRequest("Transfer_Encoding: chunked\r\nContent_Length: 5\r\n"), {200}},
      {"47 Connection names Host", GetRequest("Connection: Host\r\n"), {200}},
      {"47 Connection names the length",
       PostRequest("Connection: Content-Length\r\nContent-Length: 2\r\n", "hi"),
       {200},
       false,
       "POST / hi"},
      {"57 TE: trailers", GetRequest("TE: trailers\r\nConnection: TE\r\n"), {200}},
      {"57 Upgrade is ignored", GetRequest("Connection: Upgrade\r\nUpgrade: h2c\r\n"), {200}},
      {"85 unknown expectation", GetRequest("Expect: x\r\n"), {417}, true},
      {"85 100-continue without body", GetRequest("Expect: 100-continue\r\n"), {200}},
      {"91 1.0 expects nothing", "POST / HTTP/1.0\r\nExpect: x\r\nContent-Length: 2\r\n\r\nhi", {200}, true},
  };
}

std::vector<HostileRow> LengthRows() {
  std::vector<HostileRow> rows = {
      {"49 length overflow", PostRequest("Content-Length: 99999999999999999999999\r\n"), {400}, true},
      {"51 two lengths", PostRequest("Content-Length: 2\r\nContent-Length: 3\r\n", "hi"), {400}, true},
      {"51 two equal lengths", PostRequest("Content-Length: 2\r\nContent-Length: 2\r\n", "hi"), {400}, true},
      {"51 list of lengths", PostRequest("Content-Length: 5, 6\r\n", "hello"), {400}, true},
      {"53 zeros in front", PostRequest("Content-Length: 005\r\n", "hello"), {200}, false, "POST / hello"},
      {"59 POST without length", PostRequest(""), {200}, false, "POST / "},
      {"63 above the maximum", PostRequest("Content-Length: 1048577\r\n"), {413}, true},
  };
  for (const char* value : {"+5", "-1", "-0", "0x5", "5 5", "5_0", "5a", "", "5;",
                            "\x0b"
                            "5"}) {
    rows.push_back({"48 bad length",
                    PostRequest("Content-Length: " + std::string(value) + "\r\n", "hello"),
                    {400},
                    true});
  }
  // HEAD, whose answers look different, is in session_test.
  for (const char* method : {"GET", "OPTIONS", "DELETE"}) {
    rows.push_back({"58 body of any method",
                    std::string(method) + " / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" +
                        GetRequest("", "/next"),
                    {200, 200},
                    false,
                    "GET /next "});
  }
  return rows;
}

std::vector<HostileRow> EncodingRows() {
  std::vector<HostileRow> rows = {
      {"54 length, then encoding",
       PostRequest("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
       {400},
       true},
      {"54 encoding, then length",
       PostRequest("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
       {400},
       true},
      {"55 1.0 with encoding", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400}, true},
      {"55 two encoding fields",
       ChunkedRequest("").insert(17, "Transfer-Encoding: chunked\r\n"),
       {400},
       true},
  };
  rows.push_back(
      {"55 gzip, chunked", PostRequest("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), {501}, true});
  for (const char* value :
       {"chunked, gzip", "chunked, chunked", "identity", "xchunked", "chunked;a=b", ",chunked", "",
        "\x0b"
        "chunked",
        "chunked@"}) {
    rows.push_back({"55 bad encoding",
                    PostRequest(Nul("Transfer-Encoding: " + std::string(value) + "\r\n"), "0\r\n\r\n"),
                    {400},
                    true});
  }
  return rows;
}

std::vector<HostileRow> ChunkRows() {
  std::vector<HostileRow> rows = {
      {"66 well-formed",
       ChunkedRequest("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"),
       {200},
       false,
       "POST / hello world"},
      {"66 next at the right byte",
       ChunkedRequest("A\r\n0123456789\r\n0\r\n\r\n") + GetRequest("", "/n"),
       {200, 200},
       false,
       "GET /n "},
      {"66 trailer",
       ChunkedRequest("1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\n") + GetRequest("", "/n"),
       {200, 200},
       false,
       "GET /n "},
      {"66 bad trailer", ChunkedRequest("1\r\nx\r\n0\r\nA b: c\r\n\r\n"), {400}, true},
      {"66 folded trailer", ChunkedRequest("1\r\nx\r\n0\r\nA: b\r\n c\r\n\r\n"), {400}, true},
      {"66 bare LF in a trailer", ChunkedRequest("1\r\nx\r\n0\r\nA: b\n\r\n"), {400}, true},
      {"67 data longer than its size", ChunkedRequest("5\r\nhelloX\r\n0\r\n\r\n"), {400}, true},
      {"67 data shorter than its size", ChunkedRequest("5\r\nhell\r\n0\r\n\r\n"), {400}, true},
      {"67 no CRLF behind data", ChunkedRequest("5\r\nhello0\r\n\r\n"), {400}, true},
      {"67 bare LF behind the size", ChunkedRequest("5\nhello\r\n0\r\n\r\n"), {400}, true},
      {"67 bare LF behind data", ChunkedRequest("5\r\nhello\n0\r\n\r\n"), {400}, true},
      {"69 extension",
       ChunkedRequest("5;a=b;c=\"x;y\"\r\nhello\r\n0;z\r\n\r\n"),
       {200},
       false,
       "POST / hello"},
      {"69 quote not closed", ChunkedRequest("5;c=\"x\r\nhello\r\n0\r\n\r\n"), {400}, true},
      {"69 NUL in an extension", ChunkedRequest(Nul("5;a@\r\nhello\r\n0\r\n\r\n")), {400}, true},
      {"69 chunk above the maximum", ChunkedRequest("100001\r\n"), {413}, true},
  };
  for (const char* size :
       {"0x5", "+5", "-5", " 5", "5 ", "5_0", "g", "", "FFFFFFFFFFFFFFFFF", "00000000000000005"}) {
    rows.push_back(
        {"65 bad size", ChunkedRequest(std::string(size) + "\r\nhello\r\n0\r\n\r\n"), {400}, true});
  }
  return rows;
}

std::vector<HostileRow> ConnectionRows() {
  const std::string bad = "GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n";
  return {
      {"75 a bad one in the middle", GetRequest() + GetRequest() + bad + GetRequest(), {200, 200, 400}, true},
      {"77 1.0 closes", "GET / HTTP/1.0\r\n\r\n", {200}, true},
      {"77 1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", {200}},
      {"77 1.1 close", GetRequest("Connection: close\r\n") + GetRequest(), {200}, true},
      {"77 close among others", GetRequest("Connection: x, Close ,y\r\n") + GetRequest(), {200}, true},
      {"77 close wins", GetRequest("Connection: keep-alive, close\r\n") + GetRequest(), {200}, true},
  };
}

}  // namespace preforkd::testing
