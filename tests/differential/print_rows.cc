// Prints the requests of the tables of tests/loopback/http, one a line of JSON: their name, and their bytes
// as a string of characters below U+0100. So the differential test sends the same ones without a second copy.
#include <fmt/core.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "tests/loopback/http/hostile_rows.h"
#include "tests/loopback/http/syntax_rows.h"

namespace preforkd::testing {
namespace {

std::string Latin1ToUtf8(std::string_view bytes) {
  std::string utf8;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) utf8 += static_cast<char>(0xC0 | (byte >> 6));
    utf8 += byte < 0x80 ? c : static_cast<char>(0x80 | (byte & 0x3F));
  }
  return utf8;
}

void Print(std::string_view table, const std::vector<HostileRow>& rows) {
  for (const HostileRow& row : rows) {
    const std::string name = fmt::format("{}: {}", table, row.name);
    fmt::print("{}\n", nlohmann::json{{"name", name}, {"bytes", Latin1ToUtf8(row.bytes)}}.dump());
  }
}

}  // namespace
}  // namespace preforkd::testing

int main() {
  using namespace preforkd::testing;
  Print("start", StartLineRows());
  Print("field", FieldRows());
  Print("length", LengthRows());
  Print("encoding", EncodingRows());
  Print("chunk", ChunkRows());
  Print("connection", ConnectionRows());
  Print("authority", AuthorityRows());
  Print("whitespace", WhitespaceRows());
  Print("extension", ExtensionRows());
  Print("version", VersionRows());
  Print("refused head", RefusedHeadRows());
  Print("known from head", KnownFromHeadRows());
  return 0;
}
