// What --try prints of a response, however its bytes come.
#include "master/modules/answer_printer.h"

#include <doctest/doctest.h>

#include <string>

namespace preforkd::testing {
namespace {

struct Printed {
  std::string head;
  std::string body;
  int status = 0;
  bool whole = false;
};

Printed Print(std::string_view bytes, std::size_t piece) {
  Printed printed;
  AnswerPrinter printer([&](std::string_view text) { printed.head += text; },
                        [&](std::string_view text) { printed.body += text; });
  for (std::size_t i = 0; i < bytes.size(); i += piece) printer.Take(bytes.substr(i, piece));
  printed.status = printer.StatusCode();
  printed.whole = printer.End();
  return printed;
}

}  // namespace

TEST_CASE("sized, chunked, until the end, and empty, in pieces of any size") {
  struct Case {
    const char* bytes;
    const char* body;
    bool whole;
  };
  for (const Case& one : {
           Case{"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", "hello", true},
           Case{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", "hell", false},
           Case{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n",
                "hello!", true},
           Case{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "hello", false},
           Case{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "", false},
           Case{"HTTP/1.1 200 OK\r\n\r\nall of it", "all of it", true},
           Case{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", true},
           Case{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", "x", true},
       }) {
    for (const std::size_t piece : {1UL, 3UL, 1000UL}) {
      CAPTURE(std::string(one.bytes));
      CAPTURE(piece);
      const Printed printed = Print(one.bytes, piece);
      CHECK(printed.status == 200);
      CHECK(printed.body == one.body);
      CHECK(printed.whole == one.whole);
    }
  }
}

TEST_CASE("the head is printed line by line, and nonsense is no answer") {
  CHECK(Print("HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n", 7).head == "HTTP/1.1 404 Not Found\nA: b\n\n");
  CHECK(Print("HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n", 7).status == 404);
  for (const char* bad : {"", "HTTP/1.1 200 OK\r\n", "SSH-2.0\r\n\r\n", "HTTP/1.1\r\n\r\n"}) {
    CAPTURE(std::string(bad));
    CHECK_FALSE(Print(bad, 1).whole);
  }
}

}  // namespace preforkd::testing
