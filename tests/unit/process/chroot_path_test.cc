// Names of folders inside the workers' root.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "common/config/chroot_path.h"

namespace preforkd::testing {
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

TEST_CASE("with the symlinks inside left as they are, and those that lead there from outside resolved") {
  const std::string folder = Folder();
  const std::string jail = folder + "/jail";
  std::filesystem::remove(jail + "/current");
  std::filesystem::create_directory_symlink("www", jail + "/current");
  CHECK(LinkedPathInside(jail, jail + "/current") == "/current");
  CHECK(LinkedPathInside(jail, jail + "/current/site/") == "/current/site/");
  CHECK(LinkedPathInside(jail + "/", jail + "//current/../current/site") == "//current/../current/site");
  CHECK(LinkedPathInside(jail, folder + "/door/current/site") == "/current/site");
  CHECK(LinkedPathInside(folder + "/door", jail + "/current") == "/current");
  CHECK(LinkedPathInside(jail + "/www", jail + "/current/site") == "/site");
  CHECK(LinkedPathInside(jail, jail) == "/");
  CHECK(LinkedPathInside(jail, jail + "/") == "/");
  CHECK(LinkedPathInside("/", "/usr") == "/usr");
  CHECK(LinkedPathInside("/", "/") == "/");
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(jail);
  CHECK(LinkedPathInside(jail, "current/site") == "/current/site");
  CHECK(LinkedPathInside(jail, "./current/site") == "/./current/site");
  std::filesystem::current_path(before);
}

TEST_CASE("no part of it lies beneath, or it does not exist") {
  const std::string folder = Folder();
  CHECK_FALSE(LinkedPathInside(folder + "/jail", folder + "/jail-2"));
  CHECK_FALSE(LinkedPathInside(folder + "/jail", folder + "/none"));
  CHECK_FALSE(LinkedPathInside(folder + "/none", folder + "/jail"));
  CHECK_FALSE(LinkedPathInside(folder + "/jail", ""));
}

TEST_CASE("not beneath it, or missing: the reason") {
  const std::string folder = Folder();
  const std::string jail = folder + "/jail";
  CHECK(PathInside("/etc", "/usr").Err().text ==
        "'/usr' is not beneath the workers' root, '/etc'; write one that is");
  CHECK_FALSE(PathInside(jail, "/usr").Ok());
  CHECK_FALSE(PathInside(jail, folder + "/jail-2").Ok());
  CHECK_FALSE(PathInside(jail, jail + "/out").Ok());  // leads out, where a process inside could not follow
  CHECK_FALSE(PathInside(jail, jail + "/none").Ok());
  CHECK_FALSE(PathInside(folder + "/none", jail).Ok());
}

}  // namespace preforkd::testing
