#include "tests/support/temp_directory.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>

namespace preforkd::testing {

TempDirectory::TempDirectory() : path_("/tmp/preforkd-test-XXXXXX") {
  if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("mkdtemp " + path_);
  // Workers may run as another user than the test.
  std::filesystem::permissions(path_, std::filesystem::perms(0755));
}

TempDirectory::~TempDirectory() {
  std::error_code ignored;  // what cannot be removed is what a failing test left to be looked at
  std::filesystem::remove_all(path_, ignored);
}

std::vector<std::string> TempDirectory::Names() const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path_)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void WriteFile(const std::string& path, std::string_view content) {
  const std::string fresh = path + ".new";
  {
    std::ofstream file(fresh, std::ios::binary | std::ios::trunc);
    file.write(content.data(), static_cast<std::streamsize>(content.size()));
    if (!file) throw std::runtime_error("write " + fresh);
  }
  std::filesystem::rename(fresh, path);
}

}  // namespace preforkd::testing
