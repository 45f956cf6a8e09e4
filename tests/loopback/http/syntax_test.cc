// Syntax that is easily got wrong, row by row; how a row is tried is in row_check.h.
#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

#include "tests/loopback/http/http_bed.h"
#include "tests/loopback/http/row_check.h"
#include "tests/loopback/http/syntax_rows.h"

namespace preforkd::test {
namespace {

void CheckWithMirror(const std::vector<HostileRow>& rows) {
  HttpBed bed({}, [](const HttpRequest& request, HttpResponse& response) {
    if (request.path == "/throw") throw std::runtime_error("as the row wants it");
    Mirror(request, response);
  });
  CheckRows(bed, rows);
}

TEST_CASE("host and port have a shape, in Host and in the target") {
  CheckWithMirror(AuthorityRows());
}
TEST_CASE("optional whitespace is taken where the grammar has it, and nowhere else") {
  CheckWithMirror(WhitespaceRows());
}
TEST_CASE("chunk extensions have names, and are ignored") {
  CheckWithMirror(ExtensionRows());
}
TEST_CASE("a higher minor version is served as 1.1, another major version is refused") {
  CheckWithMirror(VersionRows());
}
TEST_CASE("an error in answer to HEAD has no content") {
  CheckWithMirror(RefusedHeadRows());
}
}  // namespace
}  // namespace preforkd::test
