// TempDirectory: a private folder of one test, removed with everything in it.
//
// It is in /tmp and not in TEST_TMPDIR: the path of a Unix socket is at most 107 bytes, and that of Bazel's
// folder is longer.
#ifndef PREFORKD_TESTS_SUPPORT_TEMP_DIRECTORY_H_
#define PREFORKD_TESTS_SUPPORT_TEMP_DIRECTORY_H_

#include <string>
#include <string_view>
#include <vector>

namespace preforkd::testing {

class TempDirectory {
 public:
  // Throws std::runtime_error.
  TempDirectory();
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  ~TempDirectory();

  [[nodiscard]] const std::string& Path() const { return path_; }
  [[nodiscard]] std::string Path(std::string_view name) const { return path_ + "/" + std::string(name); }
  // Names in it, sorted.
  [[nodiscard]] std::vector<std::string> Names() const;

 private:
  std::string path_;
};

// The whole content; empty if there is no such file.
std::string ReadFile(const std::string& path);
// Replaces the file in one step (rename), so that no reader sees half of it. Throws std::runtime_error.
void WriteFile(const std::string& path, std::string_view content);

}  // namespace preforkd::testing

#endif
