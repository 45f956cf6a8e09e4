// Data that the workers share, on the kit and in the real server.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <preforkd/testing.hpp>
#include <string>

#include "tests/module/paths.h"

using pfd::testing::LoadError;
using pfd::testing::Module;
using pfd::testing::Server;
using preforkd::testing::ModulePath;

namespace {

class Table {
 public:
  explicit Table(const std::string& text) {
    folder_ = (std::filesystem::temp_directory_path() / "places-XXXXXX").string();
    REQUIRE(::mkdtemp(folder_.data()) != nullptr);
    write(text);
  }
  ~Table() { std::filesystem::remove_all(folder_); }
  void write(const std::string& text) const { std::ofstream(path()) << text; }
  [[nodiscard]] std::string path() const { return folder_ + "/places"; }

 private:
  std::string folder_;
};

}  // namespace

TEST_CASE("in this process") {
  const Table table("BER Berlin\nLIS Lisbon, Portugal\n");
  Module m(ModulePath("places"), {{"table", table.path()}});
  CHECK(m.get("/place?code=LIS").body == "Lisbon, Portugal\n");
  CHECK(m.get("/place?code=XXX").status == 404);
  CHECK(m.logged("2 places"));
  CHECK(m.problems().empty());
  CHECK_THROWS_WITH_AS(Module(ModulePath("places"), {{"table", "/nowhere"}}),
                       "preload failed: cannot read /nowhere", LoadError);
}

TEST_CASE("in the server: a reload reads the file again, and one that cannot be read is refused") {
  const Table table("BER Berlin\n");
  Server server({.module = ModulePath("places"), .settings = {{"table", table.path()}}, .workers = 2});
  CHECK(server.get("/place?code=BER").body == "Berlin\n");
  server.kill_worker();
  for (int i = 0; i < 10; ++i) CHECK(server.get("/place?code=BER").body == "Berlin\n");
  table.write("");
  CHECK_FALSE(server.reload());
  CHECK(server.get("/place?code=BER").body == "Berlin\n");
  table.write("BER Berlin\nLIS Lisbon\n");
  CHECK(server.reload());
  CHECK(server.get("/place?code=LIS").body == "Lisbon\n");
  CHECK(server.stop() == 0);
  CHECK(server.complaints().empty());
}
