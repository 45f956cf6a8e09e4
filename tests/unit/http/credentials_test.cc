// Credentials of a request: which fields have them, and which are malformed.
#include "worker/http/access/credentials.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace preforkd::http::testing {
namespace {

std::string Seen(const std::vector<std::string>& values) {
  std::vector<HttpField> fields = {{"Host", "x"}};
  for (const std::string& value : values) fields.push_back({"authorization", value});
  HttpRequest request;
  request.fields = fields;
  const std::optional<Credentials> credentials = Credentials::Of(request);
  if (!credentials) return "none";
  return std::string(credentials->User()) + " | " + std::string(credentials->Password());
}

TEST_CASE("the user and the password, as RFC 7617 has them") {
  CHECK(Seen({"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}) == "Aladdin | open sesame");
  CHECK(Seen({"Basic dGVzdDoxMjPCow=="}) == "test | 123\xc2\xa3");
  CHECK(Seen({"bAsIc dGVzdDoxMjPCow=="}) == "test | 123\xc2\xa3");
  CHECK(Seen({"Basic   YTpi"}) == "a | b");
  CHECK(Seen({"Basic YTo="}) == "a | ");
  CHECK(Seen({"Basic YTpiOmM="}) == "a | b:c");
  CHECK(Seen({"Basic Pz8+Pzo/Pz4/"}) == "?\?>? | ?\?>?");
}

TEST_CASE("what has none") {
  CHECK(Seen({}) == "none");
  for (const char* value : {"",
                            "Basic",
                            "Basic ",
                            "BasicYTpi",
                            "Bearer YTpi",
                            "Digest YTpi",
                            "Basic YTpi YTpi",
                            "Basic YTpi,",
                            "Basic YTp",
                            "Basic YTpiO",
                            "Basic YTo",
                            "Basic YTpi====",
                            "Basic Y=pi",
                            "Basic YT-i",
                            "Basic YT_i",
                            "Basic =",
                            "Basic ====",
                            "Basic YTp=",  // no padding, or bits behind the end
                            "Basic Og==",
                            "Basic OmI=",
                            "Basic YWI=",  // no user, no colon
                            "Basic YTpiCg==",
                            "Basic YQk6Yg==",
                            "Basic YTpiAGM=",  // a control character
                            "Basic YTp/"}) {
    CAPTURE(value);
    CHECK(Seen({value}) == "none");
  }
  CHECK(Seen({"Basic YTpi", "Basic YTpi"}) == "none");
  CHECK(Seen({"Basic " + std::string(4096, 'Y')}) == "none");
}

}  // namespace
}  // namespace preforkd::http::testing
