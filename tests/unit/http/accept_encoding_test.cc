// Which coding of a file a client gets: by its Accept-Encoding, and by what there is.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "worker/http/coding/accept_encoding.h"

namespace preforkd::testing {
using namespace http;  // NOLINT: the syntax under test
namespace {

CodingSet All() {
  CodingSet set;
  for (const Coding coding : {Coding::kBrotli, Coding::kZstd, Coding::kGzip}) set.Add(coding);
  return set;
}

// "br gzip": the codings to try, then "identity" unless that is refused.
std::string Order(const std::vector<std::string>& lines, CodingSet offered = All()) {
  std::vector<HttpField> fields = {{"Accept", "*/*"}};
  for (const std::string& line : lines) fields.push_back({"Accept-Encoding", line});
  HttpRequest request;
  request.fields = fields;
  const AcceptedCodings accepted(request);
  std::string order;
  for (const Coding coding : accepted.Best(offered)) order.append(CodingName(coding)).append(" ");
  return order + (accepted.RefusesIdentity() ? "none" : "identity");
}

TEST_CASE("the order in which codings are tried") {
  struct Row {
    const char* field;
    const char* order;
  };
  for (const Row& row : {
           Row{"gzip", "gzip identity"},
           Row{"gzip, deflate, br, zstd", "br zstd gzip identity"},
           Row{"gzip,br", "br gzip identity"},
           Row{"GZIP , Br", "br gzip identity"},
           Row{"x-gzip", "gzip identity"},
           Row{"deflate, compress", "identity"},
           Row{"", "identity"},
           Row{" ,,", "identity"},
           // Weights win over what we like.
           Row{"br;q=0.5, gzip", "gzip br identity"},
           Row{"br;q=0.1, zstd;q=0.9, gzip;q=0.5", "zstd gzip br identity"},
           Row{"gzip ; q=0.5 , zstd;Q=0.501", "zstd gzip identity"},
           Row{"br;q=0, gzip;q=0.001", "gzip identity"},
           Row{"gzip;q=0", "identity"},
           Row{"gzip;q=0.000", "identity"},
           // Identity, where it is preferred.
           Row{"identity", "identity"},
           Row{"identity, gzip", "gzip identity"},
           Row{"identity;q=0.5, gzip;q=0.4", "identity"},
           Row{"identity;q=1, br;q=0.999, gzip", "gzip identity"},
           // "*" is every other one.
           Row{"*", "br zstd gzip identity"},
           Row{"*;q=0", "none"},
           Row{"gzip, *;q=0", "gzip none"},
           Row{"identity, *;q=0", "identity"},
           Row{"br;q=0, *", "zstd gzip identity"},
           Row{"*;q=0.5, gzip", "gzip br zstd identity"},
           Row{"identity;q=0", "none"},
           Row{"identity;q=0, gzip", "gzip none"},
           Row{"gzip;q=0, *;q=0.1", "br zstd identity"},
           // What is no weight makes its element nothing.
           Row{"gzip;q=", "identity"},
           Row{"gzip;q=2", "identity"},
           Row{"gzip;q=1.001", "identity"},
           Row{"gzip;q=0.1234", "identity"},
           Row{"gzip;q=-1", "identity"},
           Row{"gzip;q=.5", "identity"},
           Row{"gzip;q =1", "identity"},
           Row{"gzip;level=9", "identity"},
           Row{"gzip;q=0.5;x=1", "identity"},
           Row{"gzip;q=x, br", "br identity"},
           Row{"gzipp, xgzip, br2", "identity"},
           // The last one that names a coding.
           Row{"gzip;q=0, gzip", "gzip identity"},
       }) {
    CAPTURE(row.field);
    CHECK(Order({row.field}) == row.order);
  }
  CHECK(Order({}) == "identity");
}

TEST_CASE("several lines are one list, and only what is offered is tried") {
  CHECK(Order({"gzip", "br;q=0.5"}) == "gzip br identity");
  CHECK(Order({"gzip", "identity;q=0"}) == "gzip none");
  CodingSet gzip;
  gzip.Add(Coding::kGzip);
  CHECK(Order({"br, gzip;q=0.1"}, gzip) == "gzip identity");
  CHECK(Order({"br"}, gzip) == "identity");
  CHECK(Order({"*"}, CodingSet()) == "identity");
}

TEST_CASE("weights") {
  CHECK(ParseWeight("0") == 0);
  CHECK(ParseWeight("0.") == 0);
  CHECK(ParseWeight("0.1") == 100);
  CHECK(ParseWeight("0.123") == 123);
  CHECK(ParseWeight("1") == 1000);
  CHECK(ParseWeight("1.000") == 1000);
  for (const char* wrong : {"", "2", "01", "1.1", "1.0000", "0.1.2", "0,5", "0.a", " 1", "1 ", "-0", "+1"}) {
    CAPTURE(wrong);
    CHECK_FALSE(ParseWeight(wrong));
  }
}

}  // namespace
}  // namespace preforkd::testing
