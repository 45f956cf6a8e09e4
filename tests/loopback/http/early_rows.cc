// Answers that are decided before there is a request, or before there is a body.
#include <string>
#include <utility>

#include "tests/loopback/http/syntax_rows.h"

namespace preforkd::testing {

std::vector<HostileRow> RefusedHeadRows() {
  std::vector<HostileRow> rows = {
      {"no Host", HeadOf("HEAD / HTTP/1.1", ""), {400}, true},
      {"two Hosts", HeadOf("HEAD / HTTP/1.1", "Host: a\r\nHost: a\r\n"), {400}, true},
      {"bad host", HeadOf("HEAD / HTTP/1.1", "Host: h:abc\r\n"), {400}, true},
      {"bad field name", HeadOf("HEAD / HTTP/1.1", "Host: a\r\nX : y\r\n"), {400}, true},
      {"bad field value", HeadOf("HEAD / HTTP/1.1", "Host: a\r\nX: \x01\r\n"), {400}, true},
      {"folded line", HeadOf("HEAD / HTTP/1.1", "Host: a\r\n x\r\n"), {400}, true},
      {"bare CR", "HEAD / HTTP/1.1\rHost: a\r\r", {400}, true},
      {"bare LF", "HEAD / HTTP/1.1\nHost: a\n\n", {400}, true},
      {"bad target", HeadOf("HEAD x HTTP/1.1"), {400}, true},
      {"target that leaves the root", HeadOf("HEAD /.. HTTP/1.1"), {400}, true},
      {"bad escape", HeadOf("HEAD /%zz HTTP/1.1"), {400}, true},
      {"no target", "HEAD\r\n\r\n", {400}, true},
      {"no version", "HEAD /\r\n", {400}, true},
      {"a tab behind the method", "HEAD\t/ HTTP/1.1\r\nHost: a\r\n\r\n", {400}, true},
      {"a bracket behind the method", "HEAD( / HTTP/1.1\r\nHost: a\r\n\r\n", {400}, true},
      {"bad version", HeadOf("HEAD / HTTP/x"), {400}, true},
      {"another major version", HeadOf("HEAD / HTTP/2.0"), {505}, true},
      {"behind empty lines", "\r\n\r\n" + HeadOf("HEAD / HTTP/1.1", ""), {400}, true},
      {"behind too many", "\r\n\r\n\r\n\r\n\r\n" + HeadOf("HEAD / HTTP/1.1"), {400}, true, ""},
      {"bad length", HeadOf("HEAD / HTTP/1.1", "Host: a\r\nContent-Length: x\r\n"), {400}, true},
      {"length and encoding",
       HeadOf("HEAD / HTTP/1.1", "Host: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
       {400},
       true},
      {"unknown encoding",
       HeadOf("HEAD / HTTP/1.1", "Host: a\r\nTransfer-Encoding: x, chunked\r\n"),
       {501},
       true},
      {"body above the maximum",
       HeadOf("HEAD / HTTP/1.1", "Host: a\r\nContent-Length: 1048577\r\n"),
       {413},
       true},
      {"unknown expectation", HeadOf("HEAD / HTTP/1.1", "Host: a\r\nExpect: x\r\n"), {417}, true},
      {"malformed chunk",
       HeadOf("HEAD / HTTP/1.1", "Host: a\r\nTransfer-Encoding: chunked\r\n") + "x\r\n",
       {400},
       true},
      {"chunk above the maximum",
       HeadOf("HEAD / HTTP/1.1", "Host: a\r\nTransfer-Encoding: chunked\r\n") + "100001\r\n",
       {413},
       true},
      {"a handler that throws", HeadOf("HEAD /throw HTTP/1.1"), {500}, false},
  };
  for (HostileRow& row : rows) row.to_head = true;
  return rows;
}

std::vector<HostileRow> KnownFromHeadRows() {
  const auto post = [](std::string_view target, std::string_view fields) {
    return HeadOf("POST " + std::string(target) + " HTTP/1.1",
                  "Host: a\r\nExpect: 100-continue\r\n" + std::string(fields)) +
           "12345" + GetRequest("", "/n");
  };
  std::vector<HostileRow> rows = {
      {"too long", post("/", "Content-Length: 1048577\r\n"), {413}, true},
      {"leaves the root", post("/..", "Content-Length: 5\r\n"), {400}, true},
      {"bad escape", post("/%zz", "Content-Length: 5\r\n"), {400}, true},
      {"bad escape, chunked", post("/%00", "Transfer-Encoding: chunked\r\n"), {400}, true},
      {"two lengths", post("/", "Content-Length: 5\r\nContent-Length: 5\r\n"), {400}, true},
      {"unknown encoding", post("/", "Transfer-Encoding: x, chunked\r\n"), {501}, true},
      {"another expectation", post("/", "Expect: x\r\nContent-Length: 5\r\n"), {417}, true},
      {"two Hosts", post("/", "Host: a\r\nContent-Length: 5\r\n"), {400}, true},
      {"CONNECT", HeadOf("CONNECT a:80 HTTP/1.1", "Host: a\r\nContent-Length: 5\r\n") + "hello", {501}, true},
      {"CONNECT, chunked",
       HeadOf("CONNECT a:80 HTTP/1.1", "Host: a\r\nTransfer-Encoding: chunked\r\n"),
       {501},
       true},
  };
  for (HostileRow& row : rows) row.at_once = true;
  return rows;
}

std::vector<HostileRow> UnreadBodyRows() {
  std::vector<HostileRow> rows;
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  const std::vector<std::pair<std::string, std::string>> bodies = {
      {"Content-Length: 5\r\n", "12345"}, {chunked, "2;a=b\r\nhi\r\n0\r\nT: v\r\n\r\n"}};
  for (const auto& [framing, body] : bodies) {
    const std::string fields = "Host: a\r\n" + framing;
    const std::vector<std::pair<std::string, int>> starts = {
        {"POST /", 405},  {"PUT /none", 405}, {"DELETE /", 405}, {"PATCH /", 405},
        {"TRACE /", 405}, {"GET /none", 404}, {"GET /", 200},    {"OPTIONS /", 204}};
    for (const auto& [start, status] : starts) {
      const std::string line = start + " HTTP/1.1";
      rows.push_back({"the next is found", HeadOf(line, fields) + body + GetRequest(), {status, 200}, false});
      rows.push_back({"the last", HeadOf(line, fields + "Connection: close\r\n") + body, {status}, true});
      rows.push_back({"one who waits", HeadOf(line, fields + "Expect: 100-continue\r\n"), {status}, true});
      rows.push_back({"one who does not wait",
                      HeadOf(line, fields + "Expect: 100-continue\r\n") + body + GetRequest(),
                      {status},
                      true});
    }
    const std::string head_200 = HeadOf("HEAD / HTTP/1.1", fields) + body;
    const std::string head_404 = HeadOf("HEAD /none HTTP/1.1", fields) + body;
    rows.push_back({"HEAD", head_200 + head_404 + head_200, {200, 404, 200}, false, "", true});
  }
  const std::vector<HostileRow> more = {
      {"1.0", HeadOf("POST / HTTP/1.0", "Content-Length: 5\r\n") + "12345", {405}, true},
      {"the rest does not come", PostRequest("Content-Length: 1048576\r\n", "12345"), {405}, false},
      {"a chunk that is none", PostRequest(chunked, "x\r\n") + GetRequest(), {405}, true},
      {"a chunk above the maximum", PostRequest(chunked, "100001\r\n") + GetRequest(), {405}, true},
  };
  rows.insert(rows.end(), more.begin(), more.end());
  for (HostileRow& row : rows) row.at_once = true;
  const std::vector<HostileRow> others = {
      {"without a body", HeadOf("POST / HTTP/1.1") + GetRequest(), {405, 200}},
      {"with a body of nothing", PostRequest("Content-Length: 0\r\n") + GetRequest(), {405, 200}},
      {"that expects nothing", PostRequest("Expect: 100-continue\r\n") + GetRequest(), {405, 200}},
      {"behind another", GetRequest() + PostRequest("Content-Length: 5\r\n", "12345"), {200, 405}},
  };
  rows.insert(rows.end(), others.begin(), others.end());
  return rows;
}

}  // namespace preforkd::testing
