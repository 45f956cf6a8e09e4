// Syntax that is easily got wrong, row by row; how a row is tried is in row_check.h.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "tests/loopback/http/http_bed.h"
#include "tests/loopback/http/row_check.h"
#include "tests/loopback/http/syntax_rows.h"
#include "worker/services/http_service_type.h"
#include "worker/services/status_service.h"

namespace preforkd::testing {
namespace {

void CheckWithMirror(const std::vector<HostileRow>& rows) {
  HttpBed bed({}, [](const HttpRequest& request, HttpResponse& response) {
    if (request.path == "/throw") throw std::runtime_error("as the row wants it");
    Mirror(request, response);
  });
  CheckRows(bed, rows);
}

TEST_CASE("host and port are checked, in Host and in the target") { CheckWithMirror(AuthorityRows()); }
TEST_CASE("optional whitespace is accepted where the grammar has it, and nowhere else") {
  CheckWithMirror(WhitespaceRows());
}
TEST_CASE("chunk extensions have names, and are ignored") { CheckWithMirror(ExtensionRows()); }
TEST_CASE("a higher minor version is served as 1.1, another major version is refused") {
  CheckWithMirror(VersionRows());
}
TEST_CASE("an error in answer to HEAD has no content") { CheckWithMirror(RefusedHeadRows()); }
TEST_CASE("a request that its head decides is answered before its body") {
  CheckWithMirror(KnownFromHeadRows());
}
TEST_CASE("a service that reads no bodies answers before the body, and discards it") {
  SUBCASE("the welcome page") {
    HttpBed bed({}, HttpServiceType());
    CheckRows(bed, UnreadBodyRows());
  }
  SUBCASE("files") {
    const std::filesystem::path root = std::filesystem::path(std::getenv("TEST_TMPDIR")) / "files";
    std::filesystem::create_directories(root);
    std::ofstream(root / "index.html") << "page";
    HttpBed bed({{"root", root}}, HttpServiceType());
    CheckRows(bed, UnreadBodyRows());
  }
  SUBCASE("status") {
    HttpBed bed({}, StatusServiceType());
    CheckRows(bed, UnreadBodyRows());
  }
}

}  // namespace
}  // namespace preforkd::testing
