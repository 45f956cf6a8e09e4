#include "tests/loopback/http/syntax_rows.h"

#include <string>

namespace preforkd::testing {

std::vector<HostileRow> WhitespaceRows() {
  std::vector<HostileRow> rows;
  for (const char* value : {"5", " 5", "\t5", "5 ", "5\t", " 5 ", "\t5\t", " \t 5 \t ", "5 \t", "005\t"}) {
    rows.push_back(
        {"around a length",
         PostRequest("Content-Length:" + std::string(value) + "\r\n", "hello") + GetRequest("", "/n"),
         {200, 200},
         false,
         "GET /n "});
  }
  for (const char* value : {"5\v", "\v5", "5\f", "5\xa0", "5\t5", "5 5", "5\t,", "\t", " ", "5\\t"}) {
    rows.push_back({"no whitespace in a length",
                    PostRequest("Content-Length:" + std::string(value) + "\r\n", "hello"),
                    {400},
                    true});
  }
  for (const char* value :
       {"chunked", " chunked", "\tchunked", "chunked ", "chunked\t", "\t chunked \t", "\tCHUNKED "}) {
    rows.push_back({"around an encoding",
                    PostRequest("Transfer-Encoding:" + std::string(value) + "\r\n", "2\r\nhi\r\n0\r\n\r\n") +
                        GetRequest("", "/n"),
                    {200, 200},
                    false,
                    "GET /n "});
  }
  for (const char* value :
       {"chunked\v", "\fchunked", "chunked\xa0", "chun ked", "chunked\tx", "\t", "chunked ;a"}) {
    rows.push_back({"no whitespace in an encoding",
                    PostRequest("Transfer-Encoding:" + std::string(value) + "\r\n", "0\r\n\r\n"),
                    {400},
                    true});
  }
  const std::vector<HostileRow> more = {
      {"around a comma", PostRequest("Transfer-Encoding: gzip\t,\tchunked\t\r\n", "0\r\n\r\n"), {501}, true},
      {"around a host", HeadOf("GET / HTTP/1.1", "Host:\t a:80\t \r\n"), {200}},
      {"no blank behind the colon", HeadOf("GET / HTTP/1.1", "Host:a\r\n"), {200}},
      {"around an option", GetRequest("Connection:\tclose\t\r\n"), {200}, true},
      {"around options", GetRequest("Connection: x\t,\tclose\t,\r\n"), {200}, true},
      {"around an expectation",
       PostRequest("Expect:\t100-continue\t\r\nContent-Length: 2\t\r\n", "hi"),
       {200}},
      {"a list of one expectation",
       PostRequest("Expect: ,100-Continue ,\r\nContent-Length: 2\r\n", "hi"),
       {200}},
      {"no expectation", PostRequest("Expect:\r\nContent-Length: 2\r\n", "hi"), {200}},
      {"two expectations",
       PostRequest("Expect: 100-continue, x\r\nContent-Length: 2\r\n", "hi"),
       {417},
       true},
      {"a tab before the colon", PostRequest("Content-Length\t: 2\r\n", "hi"), {400}, true},
      {"a blank before the colon", PostRequest("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), {400}, true},
      {"a blank before the name", GetRequest("X: a\r\n Content-Length: 2\r\n"), {400}, true},
      {"a value of blanks", GetRequest("X: \t \r\n"), {200}, false, "GET / [] "},
      {"a blank behind the version", HeadOf("GET / HTTP/1.1 "), {400}, true},
      {"a line of blanks before the end", GetRequest("X: a\r\n \r\n"), {400}, true},
  };
  rows.insert(rows.end(), more.begin(), more.end());
  return rows;
}

std::vector<HostileRow> ExtensionRows() {
  std::vector<HostileRow> rows;
  for (const char* line : {"5;a",
                           "5;a=b",
                           "5 ;a=b",
                           "5\t;a=b",
                           "5 \t ;a=b",
                           "5; a=b",
                           "5;\ta=b",
                           "5;a =b",
                           "5;a= b",
                           "5;a\t=\tb",
                           "5 ; a = b ; c = d",
                           "5;a;b;c",
                           "5;a ;b",
                           "5;a=b;c",
                           "5;a=\"\"",
                           "5;a=\"b\"",
                           "5;a= \"b\"",
                           "5;a=\"b\" ;c",
                           "5;a=\"b\"\t; c=\"d\"",
                           "5;a=\"x;y=z\"",
                           "5;a=\" \t\"",
                           "5;a=\"\\\"\"",
                           "5;a=\"\\\\\"",
                           "5;a=\"\\\t\"",
                           "5;a=\"\xff\"",
                           "5;a=\"\\\xff\"",
                           "5;!#$%&'*+-.^_`|~=1",
                           "5;5=5",
                           "5;a=\"\x21[]~\"",
                           "005;a"}) {
    rows.push_back(
        {"well-formed extension",
         ChunkedRequest(std::string(line) + "\r\nhello\r\n0;z=\"0\"\r\n\r\n") + GetRequest("", "/n"),
         {200, 200},
         false,
         "GET /n "});
    const std::string last = "0" + std::string(line).substr(std::string_view(line).find_first_of(" \t;"));
    rows.push_back({"of the last chunk",
                    ChunkedRequest("5\r\nhello\r\n" + last + "\r\nA: b\r\n\r\n"),
                    {200},
                    false,
                    "POST / hello"});
  }
  for (const char* line : {"5;",
                           "5 ;",
                           "5; ",
                           "5;;",
                           "5;;a",
                           "5;a;",
                           "5;a; ",
                           "5;a;;b",
                           "5;=b",
                           "5; =b",
                           "5;a=",
                           "5;a= ",
                           "5;a=;b",
                           "5;a==b",
                           "5;a=b=c",
                           "5;a b",
                           "5;a=b c",
                           "5;a ",
                           "5;a=b ",
                           "5;a=b\t",
                           "5;a=\"b\" ",
                           "5;\"a\"",
                           "5;\"a\"=b",
                           "5;a=\"b",
                           "5;a=\"b\"c",
                           "5;a=\"b\"\"c\"",
                           "5;a=b\"c\"",
                           "5;a=\"b\\\"",
                           "5;a=\"\x01\"",
                           "5;a=\"\x7f\"",
                           "5;a=\"\\\x01\"",
                           "5;a=\"\\\x7f\"",
                           "5;a=\xff",
                           "5;\xff",
                           "5;a,b",
                           "5;a=b,c",
                           "5;a(b)",
                           "5;a=(b)",
                           "5;a=b/c",
                           "5;a:b",
                           "5;\va",
                           "5;a\x01",
                           "5 a",
                           "5 5",
                           "5,a",
                           "5=a",
                           "5 \r",
                           "5;a\r",
                           "5;\ra",
                           "5;a\n",
                           "5\n;a",
                           "5;a=\"\n\"",
                           "5;a=\"\r\"",
                           " 5;a",
                           ";a",
                           " ;a",
                           "\t5",
                           "5\t",
                           "5 \t"}) {
    rows.push_back(
        {"malformed extension", ChunkedRequest(std::string(line) + "\r\nhello\r\n0\r\n\r\n"), {400}, true});
  }
  for (const char* line : {"0;", "0 ", "0;a ", "0;a=", "0;a=\"", "0 ;\t"}) {
    rows.push_back(
        {"malformed, of the last chunk", ChunkedRequest(std::string(line) + "\r\n\r\n"), {400}, true});
  }
  return rows;
}

std::vector<HostileRow> VersionRows() {
  std::vector<HostileRow> rows;
  for (const char* minor : {"2", "3", "9"}) {
    const std::string line = std::string(" / HTTP/1.") + minor;
    rows.push_back(
        {"served as 1.1", HeadOf("GET" + line) + GetRequest("", "/n"), {200, 200}, false, "GET /n "});
    rows.push_back(
        {"closes when asked", HeadOf("GET" + line, "Host: a\r\nConnection: close\r\n"), {200}, true});
    rows.push_back({"needs a Host", HeadOf("GET" + line, ""), {400}, true});
    rows.push_back({"takes chunks",
                    HeadOf("POST" + line, "Host: a\r\nTransfer-Encoding: chunked\r\n") +
                        "2\r\nhi\r\n0\r\n\r\n" + GetRequest("", "/n"),
                    {200, 200},
                    false,
                    "GET /n "});
    rows.push_back({"has expectations", HeadOf("POST" + line, "Host: a\r\nExpect: x\r\n"), {417}, true});
  }
  for (const char* version : {"0.9", "0.0", "2.0", "2.1", "3.0", "9.9"}) {
    rows.push_back({"another major version", HeadOf(std::string("GET / HTTP/") + version), {505}, true});
  }
  for (const char* version :
       {"HTTP/1",   "HTTP/1.",  "HTTP/.1",   "HTTP/1.10", "HTTP/01.1", "HTTP/1.1.1", "HTTP/11",  "HTTP/1,1",
        "HTTP/a.b", "HTTP/1.x", "HTTP/-1.1", "HTTP /1.1", "HTTP/ 1.1", "http/1.1",   "Http/1.2", "HTTPS/1.1",
        "HTTP1.1",  "1.1",      "ICE/1.0",   "HTTP/",     "",          "HTTP/1.1\t", "HTTP/1.2 "}) {
    rows.push_back({"no version", HeadOf(std::string("GET / ") + version), {400}, true});
  }
  rows.push_back({"1.0 stays 1.0", HeadOf("GET / HTTP/1.0", ""), {200}, true});
  return rows;
}

}  // namespace preforkd::testing
