// How long a body is.
#include "worker/http/syntax/framing.h"

#include <doctest/doctest.h>

namespace preforkd::testing {
using namespace http;  // NOLINT: the syntax under test
namespace {

Framing Frame(HttpField field, int minor = 1, std::uint64_t max_body = 100) {
  return DecideFraming({&field, 1}, minor, max_body);
}

TEST_CASE("no field, no body") { CHECK(DecideFraming({}, 1, 100).kind == Framing::Kind::kNone); }

TEST_CASE("lengths") {
  CHECK(Frame({"content-length", "7"}).kind == Framing::Kind::kLength);
  CHECK(Frame({"CONTENT-LENGTH", "007"}).length == 7);
  CHECK(Frame({"Content-Length", "0"}).kind == Framing::Kind::kNone);
  CHECK(Frame({"Content-Length", "100"}).refusal == kAccepted);
  CHECK(Frame({"Content-Length", "101"}).refusal == 413);
  CHECK(Frame({"Content-Length", "18446744073709551615"}).refusal == 413);
  CHECK(Frame({"Content-Length", "18446744073709551615"}, 1, ~0ULL).length == ~0ULL);
  for (const char* bad :
       {"18446744073709551616", "99999999999999999999999", "", "+1", "-1", "1 ", "0x1", "1,1"}) {
    CAPTURE(bad);
    CHECK(Frame({"Content-Length", bad}).refusal == 400);
  }
}

TEST_CASE("encodings") {
  CHECK(Frame({"Transfer-Encoding", "chunked"}).kind == Framing::Kind::kChunked);
  CHECK(Frame({"transfer-encoding", "CHUNKED"}).kind == Framing::Kind::kChunked);
  CHECK(Frame({"Transfer-Encoding", "chunked"}, 0).refusal == 400);
  CHECK(Frame({"Transfer-Encoding", "gzip, chunked"}).refusal == 501);
  CHECK(Frame({"Transfer-Encoding", "gzip , deflate,chunked"}).refusal == 501);
  for (const char* bad : {"", "identity", "gzip", "chunked, chunked", "chunked, gzip, chunked", ", chunked",
                          "chunked,", "chunked;q=1", "g zip, chunked", "xchunked"}) {
    CAPTURE(bad);
    CHECK(Frame({"Transfer-Encoding", bad}).refusal == 400);
  }
}

}  // namespace
}  // namespace preforkd::testing
