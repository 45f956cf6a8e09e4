// A blocking handler on SQLite, with a real file.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <preforkd/testing.hpp>
#include <string>

#include "tests/module/paths.h"

using pfd::testing::Answer;
using pfd::testing::LoadError;
using pfd::testing::Module;
using preforkd::testing::ModulePath;

namespace {

class Folder {
 public:
  Folder() {
    std::string path = (std::filesystem::temp_directory_path() / "guestbook-XXXXXX").string();
    REQUIRE(::mkdtemp(path.data()) != nullptr);
    path_ = path;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] std::string File(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace

TEST_CASE("entries stay, and all threads and workers see them") {
  const Folder folder;
  {
    Module m(ModulePath("guestbook"), {{"file", folder.File("book")}}, {.threads = 2});
    const Answer first = m.post("/entries", "it's \"me\"; DROP TABLE entries");
    CHECK(first.status == 201);
    CHECK(first.body == "entry 1\n");
    CHECK(m.post("/entries", "again").body == "entry 2\n");
    CHECK(m.post("/entries", "").status == 400);
  }
  Module m(ModulePath("guestbook"), {{"file", folder.File("book")}});
  CHECK(m.get("/entries").body == "1 it's \"me\"; DROP TABLE entries\n2 again\n");
  CHECK(m.problems().empty());
}

TEST_CASE("a file that cannot be opened refuses the start") {
  const Folder folder;
  try {
    Module m(ModulePath("guestbook"), {{"file", folder.File("none/book")}});
    FAIL("it started");
  } catch (const LoadError& error) {
    CHECK(std::string(error.what()).find("unable to open database file") != std::string::npos);
  }
}
