#include "tests/support/temp_directory.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <system_error>

namespace preforkd::testing {

TempDirectory::TempDirectory() : path_("/tmp/preforkd-test-XXXXXX") {
  if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("mkdtemp " + path_);
  // Workers may run as a user other than the test's.
  std::filesystem::permissions(path_, std::filesystem::perms(0755));
}

TempDirectory::~TempDirectory() {
  std::error_code ignored;  // what a failing test left may not be removable
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
  std::string content;
  // Not a stream: reading a file of /proc fails if its process ends meanwhile, and a stream would throw.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return content;
  std::array<char, 16 * 1024> piece;
  for (ssize_t size = ::read(fd, piece.data(), piece.size()); size > 0;
       size = ::read(fd, piece.data(), piece.size())) {
    content.append(piece.data(), static_cast<std::size_t>(size));
  }
  ::close(fd);
  return content;
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
