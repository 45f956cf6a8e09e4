// What a folder is called inside the workers' root.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "common/config/chroot_path.h"

namespace preforkd {
namespace {

std::string Folder() {
  const char* test = std::getenv("TEST_TMPDIR");
  const std::string folder = std::string(test != nullptr ? test : "/tmp") + "/roots";
  std::filesystem::create_directories(folder + "/jail/www/site");
  std::filesystem::create_directories(folder + "/jail-2");
  std::filesystem::remove(folder + "/jail/out");
  std::filesystem::create_directory_symlink(folder + "/jail-2", folder + "/jail/out");
  std::filesystem::remove(folder + "/door");
  std::filesystem::create_directory_symlink(folder + "/jail", folder + "/door");
  return folder;
}

}  // namespace

TEST_CASE("beneath it: the rest of the path, however it was written") {
  const std::string folder = Folder();
  const std::string jail = folder + "/jail";
  CHECK(PathInside(jail, jail + "/www/site").Value() == "/www/site");
  CHECK(PathInside(jail + "/", jail + "/www/../www/./site/").Value() == "/www/site");
  CHECK(PathInside(jail, jail).Value() == "/");
  CHECK(PathInside(folder + "/door", jail + "/www").Value() == "/www");
  CHECK(PathInside(jail, folder + "/door/www").Value() == "/www");
  CHECK(PathInside("/", "/usr").Value() == "/usr");
}

TEST_CASE("not beneath it, or not there: why") {
  const std::string folder = Folder();
  const std::string jail = folder + "/jail";
  CHECK(PathInside("/etc", "/usr").Err().text == "'/usr' is not beneath worker.chroot = '/etc'; write one that is");
  CHECK_FALSE(PathInside(jail, "/usr").Ok());
  CHECK_FALSE(PathInside(jail, folder + "/jail-2").Ok());
  CHECK_FALSE(PathInside(jail, jail + "/out").Ok());  // leads out, where a process inside could not follow
  CHECK_FALSE(PathInside(jail, jail + "/none").Ok());
  CHECK_FALSE(PathInside(folder + "/none", jail).Ok());
}

}  // namespace preforkd
